"""Tidy up: deadlines, leaked holds, words and pictures that no stream names, and old pictures."""

from datetime import timedelta

import structlog

from actors.jobs.desk import Desk
from domain.accounts.quota import LEAKED_AFTER
from domain.generation import decisions
from events.envelope import Cause

_ORPHANED_AFTER = timedelta(minutes=30)

log = structlog.get_logger()


async def expire(desk: Desk) -> int:
    """End what is past its deadline; return how many."""
    rows = await desk.hands.projection.expired(desk.hands.clock(), limit=200)
    for row in rows:
        try:
            await desk.hands.generations.decide(
                row.id,
                lambda g: decisions.expire(g, now=desk.hands.clock()),
                cause=Cause(actor="actor:deadline"),
            )
        except Exception as error:  # noqa: BLE001 - no generation's fault may hold another's deadline
            log.warning("deadline not held", generation_id=row.id, error=repr(error))
    return len(rows)


async def sweep_holds(desk: Desk) -> int:
    """Free slots whose generation is over or never came to be; return how many."""
    freed = await desk.hands.admission.sweep(older_than=desk.hands.clock() - LEAKED_AFTER)
    if freed:
        log.info("holds freed", count=freed)
    return freed


async def sweep_orphans(desk: Desk) -> int:
    """Erase words and pictures of requests that were never recorded; return how many."""
    hands = desk.hands
    before = hands.clock() - _ORPHANED_AFTER
    orphans = 0
    for generation_id, token in await hands.personal_data.unconfirmed_before(before, limit=500):
        generation = await hands.generations.load(generation_id)
        if generation is not None and generation.request.personal_data == token:
            await hands.personal_data.confirm(generation_id, token)
            continue
        await hands.blobs.erase(generation_id, token=token)
        await hands.personal_data.erase(generation_id, token=token)
        orphans += 1
    return orphans


async def retire_pictures(desk: Desk) -> int:
    """Delete pictures that are older than we promise to keep them; return how many."""
    settings, now = desk.hands.settings, desk.hands.clock()
    results = await desk.hands.blobs.expire("result", now - timedelta(days=settings.keep_pictures_days))
    examples = await desk.hands.blobs.expire("example", now - timedelta(days=settings.keep_examples_days))
    inputs = await desk.hands.blobs.expire("input", now - timedelta(days=settings.keep_examples_days))
    return results + examples + inputs


async def reseal_secrets(desk: Desk) -> int:
    """Move webhook secrets to the present master key; return how many cannot be read any more."""
    return await desk.hands.webhook_secrets.reencrypt()
