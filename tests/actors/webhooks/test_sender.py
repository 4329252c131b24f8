"""Order of deliveries, concurrency limits, and senders that end."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from actors.webhooks.concurrency_limiter import ConcurrencyLimiter
from actors.webhooks.http_client import WebhookClient
from domain.webhooks.delivery import Delivery, ReceiverResponse
from events.invocation import GenerationProgressed
from store.webhooks.deliveries import AtLimit
from store.webhooks.settings import WebhookSettings
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started
from tests.builders.webhook import delivery
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Received, Receiver, accept, refuse, silent_server
from tests.systems.webhook_system import WebhookSystem

UNTIL_STARTED = (VALIDATED, RESERVED, intended(), started())
TO_END = (settled(), COMPLETED)
TO_COMPLETED = (*UNTIL_STARTED, *TO_END)
ALL = ("start", "progress", "completed")


@dataclass
class HeldClient:
    """A client whose requests wait until `open` is set; `calls` lists those that have begun."""

    inner: WebhookClient
    open: asyncio.Event = field(default_factory=asyncio.Event)
    calls: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverResponse:
        self.calls.put_nowait(url)
        await self.open.wait()
        return await self.inner.post(url, body, headers)


async def wait_for_calls(client: HeldClient, count: int) -> None:
    """Wait until so many requests have begun."""
    async with asyncio.timeout(10):
        for _ in range(count):
            await client.calls.get()


async def test_events_of_one_generation_arrive_in_the_order_of_their_versions_after_failures(
    system: WebhookSystem, receiver: Receiver
) -> None:
    seen: Counter[str] = Counter()

    def second_time(received: Received) -> web.Response:
        seen[received.id] += 1
        return (accept if seen[received.id] > 1 else refuse(500))(received)

    receiver.respond = second_time
    progress = [GenerationProgressed(percent=percent) for percent in (10, 20, 30)]
    generation = await system.request(*UNTIL_STARTED, *progress, *TO_END, webhook=receiver.url, filters=ALL)
    await system.schedule(generation)
    await system.deliver_all()
    good = [received.sequence for n, received in enumerate(receiver.requests) if _is_last(receiver, n)]
    assert good == sorted(good)
    assert len(good) == 5


def _is_last(receiver: Receiver, number: int) -> bool:
    return all(later.id != receiver.requests[number].id for later in receiver.requests[number + 1 :])


async def test_a_final_event_overtakes_an_earlier_one_that_has_failed_twice(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = lambda received: (refuse(500) if received.type == "started" else accept)(received)
    await system.schedule(await system.request(*UNTIL_STARTED, *TO_END, webhook=receiver.url, filters=ALL))
    await system.deliver_due()
    assert receiver.types == ["started"]
    system.advance(seconds=6)
    await system.deliver_due()
    assert receiver.types == ["started", "started", "completed"]
    rows = await system.rows()
    assert [(row.state, row.failures) for row in rows] == [("pending", 2), ("delivered", 0)]


async def test_a_final_event_also_overtakes_what_waits_behind_one_that_has_failed_twice(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = lambda received: (refuse(500) if received.type == "started" else accept)(received)
    story = (*UNTIL_STARTED, GenerationProgressed(percent=10), *TO_END)
    await system.schedule(await system.request(*story, webhook=receiver.url, filters=ALL))
    await system.deliver_due()
    system.advance(seconds=6)
    await system.deliver_due()
    assert receiver.types == ["started", "started", "completed"]


async def test_progress_waits_until_the_start_has_ended(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = lambda received: (refuse(500) if received.type == "started" else accept)(received)
    generation = await system.request(
        *UNTIL_STARTED, GenerationProgressed(percent=10), webhook=receiver.url, filters=ALL
    )
    await system.schedule(generation)
    await system.deliver_all()
    assert receiver.types == ["started"] * 10 + ["progressed"]


async def test_a_late_message_about_an_early_event_keeps_the_order(system: WebhookSystem, receiver: Receiver) -> None:
    # The message about `started` was lost; the one about `completed` schedules both.
    generation = await system.request(*UNTIL_STARTED, *TO_END, webhook=receiver.url, filters=["start", "completed"])
    await system.schedule(generation)
    await system.deliver_due()
    await system.schedule(generation)
    await system.deliver_due()
    assert receiver.types == ["started", "completed"]


async def test_other_generations_and_endpoints_do_not_wait(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url.replace("/hook", "/bad"), ["generation.started", "generation.completed"])
    await system.register(receiver.url.replace("/hook", "/good"), ["generation.started", "generation.completed"])
    receiver.respond = lambda received: (refuse(500) if received.path == "/bad" else accept)(received)
    for _ in range(3):
        await system.schedule(await system.request(*UNTIL_STARTED, *TO_END))
    await system.deliver_due()
    assert [received.type for received in receiver.requests if received.path == "/good"].count("completed") == 3


async def test_two_senders_share_deliveries_and_send_none_twice(system: WebhookSystem, receiver: Receiver) -> None:
    generations = [await system.request(*UNTIL_STARTED, *TO_END, webhook=receiver.url) for _ in range(30)]
    await system.schedule(*generations)
    one, two = system.sender(), system.sender()
    while any(await asyncio.gather(one.send_due(), two.send_due(), one.send_due(), two.send_due())):
        await asyncio.gather(one.idle(), two.idle())
    assert len(receiver.requests) == 30
    assert len({received.id for received in receiver.requests}) == 30


async def test_the_claims_of_a_killed_sender_end_and_others_repeat_its_attempts(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await system.schedule(*[await system.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(3)])
    client = HeldClient(system.client)
    killed = system.sender(client)
    await killed.send_due()
    await wait_for_calls(client, 3)
    system.senders.remove(killed)
    await killed.close(grace=0)  # cancelled before anything was recorded, as by SIGKILL

    successor = system.sender()
    assert await successor.send_due() == 0, "the claims are still valid"
    system.advance(seconds=system.settings.lease_seconds)
    await system.deliver_due()
    assert len({received.id for received in receiver.requests}) == 3
    assert {row.state for row in await system.rows()} == {"delivered"}


async def test_a_response_after_the_end_of_the_claim_is_recorded_and_changes_nothing(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    client = HeldClient(system.client)
    slow = system.sender(client)
    await slow.send_due()
    await wait_for_calls(client, 1)
    system.advance(seconds=system.settings.lease_seconds)
    quick = system.sender()
    await quick.send_due()
    await quick.idle()
    client.open.set()
    await slow.idle()
    [row] = await system.rows()
    assert row.state == "delivered"
    assert len(row.attempts) == 2, "at least once: the receiver sees one id twice"
    assert len({received.id for received in receiver.requests}) == 1


async def test_a_receiver_that_does_not_respond_delays_no_other(system: WebhookSystem, receiver: Receiver) -> None:
    slow_timeout = system.settings.model_copy(update={"timeout_seconds": 90})
    async with silent_server() as dead, WebhookClient(slow_timeout) as client:
        await system.schedule(
            *[await system.request(*TO_COMPLETED, webhook=dead.url) for _ in range(60)],
            *[await system.request(*TO_COMPLETED, webhook=receiver.url, project="prj-2") for _ in range(5)],
        )
        sender = system.sender(client)
        async with asyncio.timeout(45):  # long before the first time-out of the silent receiver
            while len(receiver.requests) < 5:
                await sender.send_due()
                await asyncio.sleep(0)
        at_once = dead.connections
        await sender.close(grace=0)
    assert at_once <= system.settings.at_once_per_project_and_host


async def test_one_project_with_many_dead_hosts_leaves_capacity_for_others(
    system: WebhookSystem, receiver: Receiver
) -> None:
    small = system.settings.model_copy(update={"at_once": 8, "at_once_per_project": 4})
    system.settings = small
    client = HeldClient(system.client)
    for n in range(40):
        url = f"https://dead-{n}.example.com/"
        await system.schedule(await system.request(*TO_COMPLETED, webhook=url))
    other = {"project": "prj-2", "developer": "dev-2"}
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url, **other))
    sender = system.sender(client)
    assert await sender.send_due() == 5
    client.open.set()
    await sender.idle()
    assert len(receiver.requests) == 1


async def test_one_developer_with_many_projects_leaves_capacity_for_others(
    system: WebhookSystem, receiver: Receiver
) -> None:
    system.settings = system.settings.model_copy(update={"at_once": 12})
    client = PartlyHeldClient(system.client)
    for n in range(40):
        url, greedy = f"https://dead-{n}.example.com/", {"project": f"prj-{n}", "developer": "greedy"}
        await system.schedule(await system.request(*TO_COMPLETED, webhook=url, **greedy))
    system.clock.forward(seconds=1)  # these are due behind the others
    modest = {"project": "other", "developer": "modest"}
    await system.schedule(*[await system.request(*TO_COMPLETED, webhook=receiver.url, **modest) for _ in range(8)])
    sender = system.sender(client)
    assert await sender.send_due() == 6 + 3
    await until(lambda: len(receiver.requests) == 8, "the others' are sent while these hang")
    client.open.set()
    await sender.close(grace=10)


@pytest.mark.parametrize(("developers", "most"), [(1, 8), (2, 6), (3, 4), (7, 2)])
def test_developers_that_want_everything_get_equal_shares(developers: int, most: int) -> None:
    limiter = ConcurrencyLimiter(WebhookSettings(at_once=16))
    names = [f"dev-{number}" for number in range(developers)]
    for turn in range(16):
        for name in names:
            limiter.acquire(delivery(developer=name, project=f"{name}-{turn}", host=f"{name}-{turn}"))
    assert {limiter._developers[name] for name in names} <= {most, most - 1}
    assert limiter.acquire(delivery(developer="newcomer"))


def test_one_end_user_leaves_attempts_to_others_of_the_same_project() -> None:
    limiter = ConcurrencyLimiter(WebhookSettings())
    acquired = sum(limiter.acquire(delivery(user="greedy", host=f"host-{number}")) for number in range(64))
    assert acquired == 48
    assert limiter.at_limit.users == {"greedy"}
    assert limiter.acquire(delivery(user="modest", host="another"))
    assert limiter.acquire(delivery(host="without a user"))


class PartlyHeldClient(HeldClient):
    """A client on which only the receivers of example.com do not respond, until they time out."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverResponse:
        if "example.com" not in url:
            answer = await self.inner.post(url, body, headers)
            self.calls.put_nowait(url)
            return answer
        self.calls.put_nowait(url)
        await self.open.wait()
        return ReceiverResponse(None, "timeout", 15_000)


async def test_twenty_hanging_receivers_do_not_delay_a_good_one_of_the_same_project(
    system: WebhookSystem, receiver: Receiver
) -> None:
    for n in range(20):
        url = f"https://hangs-{n}.example.com/"
        await system.schedule(*[await system.request(*TO_COMPLETED, webhook=url) for _ in range(4)])
    client = PartlyHeldClient(system.client)
    sender = system.sender(client)
    client.open.set()
    while await sender.send_due():
        await sender.idle()
    client.open.clear()
    client.calls = asyncio.Queue()
    system.advance(seconds=6)
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    await sender.send_due()
    await wait_for_calls(client, 40 + 1)
    assert receiver.types == ["completed"], "while the others still hang"
    client.open.set()
    await sender.idle()


async def test_a_slow_host_gets_fewer_attempts_until_it_responds_fast_again(
    system: WebhookSystem, receiver: Receiver
) -> None:
    [delivery] = await _scheduled(system, receiver)
    limiter, counts = ConcurrencyLimiter(system.settings), []
    for slow in (False, True, False):
        limiter.note_response(delivery.host, slow=slow)
        counts.append(sum(limiter.acquire(delivery) for _ in range(50)))
        for _ in range(counts[-1]):
            limiter.release(delivery)
    usual = system.settings.at_once_per_project_and_host
    assert counts == [usual, system.settings.at_once_per_slow_host, usual]


async def _scheduled(system: WebhookSystem, receiver: Receiver) -> Sequence[Delivery]:
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    return await system.rows()


async def test_the_limiter_is_released_however_an_attempt_ends(system: WebhookSystem, receiver: Receiver) -> None:
    class Broken:
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverResponse:
            raise RuntimeError("a fault of our own")

    await system.schedule(*[await system.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(10)])
    sender = system.sender(Broken())
    while await sender.send_due():
        await sender.idle()
    system.advance(seconds=system.settings.lease_seconds)
    healthy = system.sender()
    while await healthy.send_due():
        await healthy.idle()
    assert len(receiver.requests) == 10
    assert await sender.send_due() == 0


@pytest.mark.parametrize("at_limit", [AtLimit(), AtLimit(hosts=frozenset({"a", "b"}), projects=frozenset({"c"}))])
async def test_due_deliveries_are_found_by_the_index_alone(system: WebhookSystem, at_limit: AtLimit) -> None:
    await system.schedule(await system.request(*TO_COMPLETED, webhook="https://example.com/"))
    rows = system.store.database.get_collection("webhook_deliveries")
    query: dict[str, object] = {"state": "pending", "due_at": {"$lte": system.clock.now}}
    if at_limit.hosts:
        query |= {"host": {"$nin": sorted(at_limit.hosts)}, "project": {"$nin": sorted(at_limit.projects)}}
    plan = await rows.find(query).sort("due_at", 1).limit(100).explain()
    assert plan["executionStats"]["totalDocsExamined"] == plan["executionStats"]["nReturned"] == 1
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_a_finished_attempt_begins_the_next_without_another_call(
    system: WebhookSystem, receiver: Receiver
) -> None:
    narrow = {"at_once_per_project_and_host": 2}
    system.settings = system.settings.model_copy(update=narrow)
    await system.schedule(*[await system.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(20)])
    sender = system.sender()
    assert await sender.send_due() == 2
    await sender.idle()
    assert len(receiver.requests) == 20
