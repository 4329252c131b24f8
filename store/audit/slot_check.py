"""Find slots of the quota ledger that an ended generation holds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from domain.audit.invariants import Findings, Invariant, Violation
from events.envelope import format_time
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE
from store.errors import DamagedLedgerError
from store.generations.folding import load_generation
from store.quota.ledger import Ledger, Slot

_SETTLED_WITHIN: Final = timedelta(minutes=2)


async def check_slots(ledger: Ledger, events: EventStore, findings: Findings, clock: Callable[[], datetime]) -> None:
    """Check every old slot: a generation frees its slot at most two minutes after its end."""
    async for developer in ledger.names():
        try:
            slots = (await ledger.account(developer)).slots
        except DamagedLedgerError:
            continue  # the recount names it
        for slot in slots:
            ended_at = await _ended_at(events, slot)
            if ended_at is None or clock() - ended_at < _SETTLED_WITHIN:
                continue
            if (await ledger.account(developer, only=[slot.generation])).holds(slot.generation):
                fault = f"is held in the ledger; the generation ended at {format_time(ended_at)}"
                findings.add([(Invariant.QUOTA, Violation(f"slot {developer} {slot.generation}", fault))])


async def _ended_at(events: EventStore, slot: Slot) -> datetime | None:
    try:
        generation = await load_generation(events, slot.generation)
    except UNREADABLE:
        return None
    return None if generation is None else generation.finished_at
