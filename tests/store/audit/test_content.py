"""Whatever lies beside the log without an erasure must be there, as it was recorded; the fault names the position."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.audit.checkpoints import ContradictionError
from domain.generation.digests import answer_digest
from domain.generation.generation import stream_of
from events.envelope import Cause
from events.erasure import CLOSED
from events.generation import GenerationRequested
from events.invocation import PredictionSettled
from events.owner import CancelRequested, GenerationErased
from store.audit.content_verification import ContentReport
from store.generations.personal_data import ProviderTexts
from tests.builders.stored_generation import StoredGeneration
from tests.store.audit.conftest import KEPT, NOON, AuditHarness

GENERATION = "0193f5e0-0000-7000-8000-000000000001"
RETRY = "0193f5e0-0000-7000-8000-000000000002"
Damage = Callable[[AuditHarness, StoredGeneration], Awaitable[object]]


@pytest.fixture
async def made(audit_log: AuditHarness) -> StoredGeneration:
    """A generation at positions 10 and 11, its example twice and in three pieces."""
    await audit_log.fill()
    made = await audit_log.complete(GENERATION, 600_000, 900, copies=2)
    await audit_log.seal()
    return made


async def test_what_is_kept_is_counted(audit_log: AuditHarness, made: StoredGeneration) -> None:
    assert await audit_log.verify_content() == ContentReport(generations=1)


async def fault(audit_log: AuditHarness, **given: object) -> tuple[int | None, str]:
    with pytest.raises(ContradictionError) as found:
        await audit_log.verify_content(**given)  # type: ignore[arg-type]
    return found.value.position, str(found.value).partition("generation ")[2].removeprefix(f"{GENERATION}: ")


DAMAGE: dict[str, tuple[Damage, int, str]] = {
    "result": (lambda log, _: log.database["blobs"].delete_many({"kind": "result"}), 11, "result "),
    "example": (lambda log, _: log.database["blobs"].delete_many({"kind": "example"}), 10, "example "),
    "head": (lambda log, made: log.database["blobs"].delete_one({"digest": made.blobs[0].digest}), 10, "example "),
    "words": (lambda log, _: log.database["personal_data"].delete_many({}), 10, "its personal data are gone"),
    "instructions": (
        lambda log, _: log.tamper("personal_data", {}, {"instructions": "a quiet harbour "}),
        10,
        "its instructions are",
    ),
    "field": (lambda log, _: log.tamper("personal_data", {}, {"provider": None}), 10, "its personal data are damaged"),
    "token": (lambda log, _: log.tamper("personal_data", {}, {"token": "another"}), 10, "its personal data are gone"),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_what_is_gone_or_changed_is_named(audit_log: AuditHarness, made: StoredGeneration, name: str) -> None:
    damage, position, text = DAMAGE[name]
    await damage(audit_log, made)
    found = await fault(audit_log)
    assert (found[0], found[1][: len(text)]) == (position, text)


@pytest.mark.parametrize("event", [GenerationErased(grounds=CLOSED), CancelRequested(erase=True)])
async def test_what_was_erased_is_no_fault(
    audit_log: AuditHarness, made: StoredGeneration, event: GenerationErased
) -> None:
    await audit_log.store.events.append(
        stream_of(GENERATION), 2, [event], cause=Cause(actor="operator"), time=audit_log.tick()
    )
    await audit_log.database["blobs"].delete_many({})
    await audit_log.database["personal_data"].delete_many({})
    assert await audit_log.verify_content() == ContentReport(generations=1, erased=1)


async def test_what_has_expired_is_no_fault(audit_log: AuditHarness, made: StoredGeneration) -> None:
    await audit_log.database["blobs"].delete_many({"kind": "example"})
    later = NOON + KEPT.examples
    assert await audit_log.verify_content(now=later) == ContentReport(generations=1, unproven=1)
    assert (await fault(audit_log, now=later - timedelta(hours=2)))[0] == 10
    await audit_log.database["blobs"].delete_many({})
    assert (await fault(audit_log, now=later))[0] == 11
    await audit_log.database["personal_data"].delete_many({})
    assert (await fault(audit_log, now=NOON + KEPT.results))[1].startswith("its personal data")
    keep = KEPT._replace(personal_data=KEPT.results)
    assert await audit_log.verify_content(now=NOON + KEPT.results, keep=keep) == ContentReport(1, expired=1)


async def test_a_retry_has_the_instructions_of_its_original(audit_log: AuditHarness, made: StoredGeneration) -> None:
    again = await audit_log.complete(RETRY, 700, 900, retry_of=GENERATION)
    await audit_log.seal()
    assert await audit_log.verify_content() == ContentReport(generations=2)
    await audit_log.tamper("personal_data", {"generation": RETRY}, {"instructions": "another"})
    assert (await fault(audit_log))[0] == 12
    await audit_log.tamper("personal_data", {"generation": RETRY}, {"instructions": again.personal_data.instructions})
    await audit_log.tamper("personal_data", {"generation": RETRY}, {"salt": bytes(32)})
    assert (await fault(audit_log))[0] == 12


async def test_a_changed_answer_of_the_provider_is_found(audit_log: AuditHarness, made: StoredGeneration) -> None:
    texts, salt = ProviderTexts("p1", ("https://out/1.png",)), made.personal_data.salt
    digest = await audit_log.store.personal_data.put_provider(GENERATION, made.personal_data.token, texts)
    assert digest == answer_digest(salt, texts.kept)
    settled = PredictionSettled(
        attempt=1,
        prediction="p1",
        outcome="succeeded",
        code=None,
        predict_seconds=1.0,
        total_seconds=1.0,
        answer=digest,
    )
    await audit_log.store.events.append(
        stream_of(GENERATION), 2, [settled], cause=Cause(actor="provider"), time=audit_log.tick()
    )
    await audit_log.seal()
    assert await audit_log.verify_content() == ContentReport(generations=1)
    await audit_log.tamper("personal_data", {}, {"provider.p1": "{}"})
    assert (await fault(audit_log))[0] == 12


async def test_a_stream_that_cannot_be_read_stops_nothing(audit_log: AuditHarness, made: StoredGeneration) -> None:
    await audit_log.tamper("commits", {"types": GenerationRequested.type}, {"body": b"{"})
    assert await audit_log.verify_content() == ContentReport()
