"""Decisions of several actors in one commit: what is appended, what it costs, and where it stops."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from actors.subscriptions import QUEUES
from domain.generation.generation import State
from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.topology import topology
from store.errors import StoreUnavailableError
from store.quota.admission import Admission
from tests.actors.harness import Harness, SandboxProvider

ALL = tuple(QUEUES)
TABLE = topology(QUEUES)


@pytest.fixture
def chained(harness: Harness) -> Harness:
    """A harness whose actors run together, as in a worker with all queues."""
    return harness.replace(own_queues=ALL)


async def commits(harness: Harness, name: str = "g1") -> list[list[str]]:
    stored = await harness.store.events.read(f"generation-{name}")
    return [[event.type.removeprefix("generation.") for event in commit.events] for commit in stored]


async def first(harness: Harness, name: str = "g1") -> RecordedEvent:
    return (await harness.events(name))[0]


async def settled(harness: Harness, provider: SandboxProvider) -> None:
    """Bring a generation to the point before completion; a poll before its prediction has ended adds its progress."""
    await harness.request("g1")
    await harness.run_actor("validation", await first(harness))
    await provider.finished()
    await harness.poll_until_settled("g1")


async def complete(harness: Harness) -> None:
    await harness.run_actor("completion", (await harness.events("g1"))[-1])


async def test_a_generation_takes_five_commits(chained: Harness, provider: SandboxProvider) -> None:
    await settled(chained, provider)
    await complete(chained)
    assert await commits(chained) == [
        ["requested"],
        ["validated", "quota_reserved", "invocation_intended"],
        ["started"],
        ["prediction_settled"],
        ["completed", "quota_settled"],
    ]
    account = await chained.store.ledger.account("dev-1")
    assert (account.slots, [units for _, units in account.used]) == ((), [1])


@pytest.mark.parametrize("webhooks", [["delivery"], []])
async def test_a_generation_takes_three_deliveries_and_four_for_webhooks(
    chained: Harness, provider: SandboxProvider, webhooks: list[str]
) -> None:
    announced: list[Commit] = []
    watched = chained.replace(own_queues=ALL, announce=announced.append, lacks_endpoints=lambda _: not webhooks)
    await settled(watched, provider)
    await complete(watched)
    assert [sorted(TABLE.deliveries(commit)) for commit in announced] == [
        [*webhooks, "validation"],
        [*webhooks],
        [*webhooks],
        ["completion"],
        [*webhooks, "projector"],
    ]


async def test_a_chain_stops_before_a_queue_of_another_worker(harness: Harness, provider: SandboxProvider) -> None:
    announced: list[Commit] = []
    some = harness.replace(
        own_queues=("validation", "quota"), announce=announced.append, lacks_endpoints=lambda _: False
    )
    await some.request("g1")
    await some.run_actor("validation", await first(some))
    assert await commits(some) == [["requested"], ["validated", "quota_reserved"]]
    assert await provider.predictions() == []
    deliveries = TABLE.deliveries(announced[-1])
    assert {queue: event.type for queue, event in deliveries.items()} == {
        "invocation": "generation.quota_reserved",
        "delivery": "generation.validated",
    }
    await harness.run_actor("invocation", deliveries["invocation"])
    assert (await commits(some))[2:] == [["invocation_intended"], ["started"]]


async def test_a_doubled_message_creates_one_prediction(chained: Harness, provider: SandboxProvider) -> None:
    """Both of two workers decide the whole chain; the one that appended the intention pays."""
    await chained.request("g1")
    workers = [chained.replace(own_queues=ALL) for _ in range(3)]
    event = await first(chained)
    await asyncio.gather(*(worker.run_actor("validation", event) for worker in workers))
    assert (await chained.types("g1")).count("invocation_intended") == 1
    assert len(await provider.predictions()) == 1


class FailingAdmission(Admission):
    """An admission whose ledger is away while it is read or settled."""

    def __init__(self, harness: Harness, fails: Sequence[str]) -> None:
        super().__init__(harness.store.ledger, harness.generations, clock=harness.clock)
        self._fails = fails

    def _require(self, name: str) -> None:
        if name in self._fails:
            raise StoreUnavailableError(name)

    async def account_of(self, *args: Any, **options: Any) -> Any:
        self._require("account_of")
        return await super().account_of(*args, **options)

    async def settle(self, *args: Any, **options: Any) -> None:
        self._require("settle")
        await super().settle(*args, **options)


async def test_a_later_actor_that_fails_leaves_what_was_decided_before(chained: Harness) -> None:
    failing = chained.replace(own_queues=ALL, admission=FailingAdmission(chained, ["account_of"]))
    await failing.request("g1")
    await failing.run_actor("validation", await first(failing))
    assert await commits(failing) == [["requested"], ["validated"]]


async def test_a_crash_before_the_ledger_is_settled_by_the_subscriber(
    chained: Harness, provider: SandboxProvider
) -> None:
    await settled(chained, provider)
    with pytest.raises(StoreUnavailableError):
        await complete(chained.replace(own_queues=ALL, admission=FailingAdmission(chained, ["settle"])))
    assert (await commits(chained))[-1] == ["completed", "quota_settled"]
    assert (await chained.store.ledger.account("dev-1")).holds("g1")
    await chained.store.sealed_log.seal()
    for _ in range(2):
        await chained.catch_up("settlement")
        account = await chained.store.ledger.account("dev-1")
        assert (account.slots, [units for _, units in account.used]) == ((), [1])


async def test_a_cached_generation_is_used_only_if_it_is_as_new_as_the_event(chained: Harness) -> None:
    """Another process cancels: a stale snapshot would leave its prediction running."""
    await chained.request("g1")
    event = await first(chained)
    other = chained.replace(own_queues=ALL)
    await other.run_actor("validation", event)
    stale = await chained.generations.recall(event)
    assert stale is not None
    assert stale.version == 1
    newest = await chained.generations.recall((await chained.events("g1"))[-1])
    assert newest is not None
    assert newest.state is State.STARTED
