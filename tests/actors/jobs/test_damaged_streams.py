"""A stream that cannot be read stops no job for the other generations."""

from datetime import timedelta

from actors.jobs.orphans import erase_orphans
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.jobs.redelivery import redeliver
from domain.generation.generation import State, stream_of
from store.generations.personal_data import PersonalData
from tests.actors.harness import Harness, SandboxProvider


class EmptyQueues:
    """A broker in which no message waits."""

    async def waiting(self) -> dict[str, int]:
        return {}


async def damage(harness: Harness, name: str) -> None:
    """Alter the body of a generation's first commit."""
    commits = harness.store.database.get_collection("commits")
    await commits.update_one({"_id": f"{stream_of(name)}:1"}, {"$set": {"body": b"damaged"}})


async def test_reconciliation_resolves_the_claims_of_others(harness: Harness, provider: SandboxProvider) -> None:
    for name in ("g1", "g2"):
        await provider.arm(create="drop_after_commit", times=1)
        assert (await harness.invoked(name)).state is State.INTENDED
    await harness.project("g1", "g2")
    await damage(harness, "g1")
    harness.clock.forward(seconds=5)

    await harness.run_job(reconcile)

    assert (await harness.load("g2")).prediction is not None


async def test_polling_settles_the_predictions_of_others(harness: Harness, provider: SandboxProvider) -> None:
    for name in ("g1", "g2"):
        assert (await harness.invoked(name)).state is State.STARTED
    await harness.project("g1", "g2")
    await provider.finished()
    await damage(harness, "g1")
    harness.clock.forward(minutes=1)

    await harness.run_job(poll)

    assert (await harness.load("g2")).state is State.SETTLED


async def test_redelivery_moves_the_generations_of_others(harness: Harness) -> None:
    for name in ("g1", "g2"):
        await harness.request(name)
    await harness.project("g1", "g2")
    await damage(harness, "g1")
    harness.clock.forward(minutes=3)

    assert await harness.replace(publisher=EmptyQueues()).run_job(redeliver) == 2

    assert (await harness.load("g2")).state is State.VALIDATED


async def test_orphans_behind_it_are_erased(harness: Harness) -> None:
    await harness.request("g1")
    await damage(harness, "g1")
    harness.clock.forward(seconds=1)
    orphan = PersonalData("g2", "token-2", b"salt", '{"prompt": "a lake"}', (None,), harness.clock())
    await harness.store.personal_data.put(orphan)
    harness.clock.forward(seconds=timedelta(minutes=31).total_seconds())

    assert await harness.run_job(erase_orphans) == 1

    assert await harness.store.personal_data.get("g1", "token-1") is not None
    assert await harness.store.personal_data.get("g2", "token-2") is None
