"""Order, fairness and the death of senders."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from actors.webhooks.http_client import Dial, Dialler
from actors.webhooks.sender import Room
from domain.webhooks.delivery import Answer
from events.generation import GenerationProgressed
from store.webhooks.deliveries import Busy, Delivery
from tests.actors.webhooks.post_office import PostOffice
from tests.actors.webhooks.receiver import Received, Receiver, refused, silence, taken
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started

UNTIL_STARTED = (VALIDATED, RESERVED, intended(), started())
TO_END = (settled(), COMPLETED)
TO_COMPLETED = (*UNTIL_STARTED, *TO_END)
ALL = ("start", "progress", "completed")


@dataclass
class Held(Dial):
    """A line on which every call waits until it is let go; counts what is under way."""

    inner: Dial
    open: asyncio.Event = field(default_factory=asyncio.Event)
    calls: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.calls.put_nowait(url)
        await self.open.wait()
        return await self.inner.post(url, body, headers)


async def calls(line: Held, count: int) -> None:
    """Wait until so many calls are under way."""
    async with asyncio.timeout(10):
        for _ in range(count):
            await line.calls.get()


async def test_events_of_one_generation_come_in_the_order_of_their_versions_however_often_they_fail(
    administration: PostOffice, receiver: Receiver
) -> None:
    seen: Counter[str] = Counter()

    def second_time(received: Received) -> web.Response:
        seen[received.id] += 1
        return (taken if seen[received.id] > 1 else refused(500))(received)

    receiver.answer = second_time
    progress = [GenerationProgressed(percent=percent) for percent in (10, 20, 30)]
    generation = await administration.request(
        *UNTIL_STARTED, *progress, *TO_END, webhook=receiver.url, filters=ALL
    )
    await administration.schedule(generation)
    await administration.work_until_done()
    good = [received.sequence for n, received in enumerate(receiver.requests) if _is_last(receiver, n)]
    assert good == sorted(good)
    assert len(good) == 5


def _is_last(receiver: Receiver, number: int) -> bool:
    return all(later.id != receiver.requests[number].id for later in receiver.requests[number + 1 :])


async def test_a_final_event_waits_for_an_earlier_one_once_and_overtakes_it_when_it_has_failed_twice(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda received: (refused(500) if received.type == "started" else taken)(received)
    await administration.schedule(
        await administration.request(*UNTIL_STARTED, *TO_END, webhook=receiver.url, filters=ALL)
    )
    await administration.work()
    assert receiver.types == ["started"]
    administration.forward(seconds=6)
    await administration.work()
    assert receiver.types == ["started", "started", "completed"]
    rows = await administration.rows()
    assert [(row.state, row.failures) for row in rows] == [("pending", 2), ("delivered", 0)]


async def test_a_final_event_overtakes_also_what_waits_behind_the_one_that_has_failed_twice(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda received: (refused(500) if received.type == "started" else taken)(received)
    story = (*UNTIL_STARTED, GenerationProgressed(percent=10), *TO_END)
    await administration.schedule(await administration.request(*story, webhook=receiver.url, filters=ALL))
    await administration.work()
    administration.forward(seconds=6)
    await administration.work()
    assert receiver.types == ["started", "started", "completed"]


async def test_progress_waits_for_the_start_as_long_as_it_takes(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda received: (refused(500) if received.type == "started" else taken)(received)
    generation = await administration.request(
        *UNTIL_STARTED, GenerationProgressed(percent=10), webhook=receiver.url, filters=ALL
    )
    await administration.schedule(generation)
    await administration.work_until_done()
    assert receiver.types == ["started"] * 10 + ["progressed"]


async def test_a_late_message_about_an_early_event_does_not_disturb_the_order(
    administration: PostOffice, receiver: Receiver
) -> None:
    # The message about `started` never came; the one about `completed` schedules both.
    generation = await administration.request(
        *UNTIL_STARTED, *TO_END, webhook=receiver.url, filters=["start", "completed"]
    )
    await administration.schedule(generation)
    await administration.work()
    await administration.schedule(generation)
    await administration.work()
    assert receiver.types == ["started", "completed"]


async def test_another_generation_and_another_endpoint_wait_for_nobody(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(
        receiver.url.replace("/hook", "/bad"), ["generation.started", "generation.completed"]
    )
    await administration.register(
        receiver.url.replace("/hook", "/good"), ["generation.started", "generation.completed"]
    )
    receiver.answer = lambda received: (refused(500) if received.path == "/bad" else taken)(received)
    for _ in range(3):
        await administration.schedule(await administration.request(*UNTIL_STARTED, *TO_END))
    await administration.work()
    assert [received.type for received in receiver.requests if received.path == "/good"].count(
        "completed"
    ) == 3


async def test_two_senders_share_the_work_and_double_nothing(
    administration: PostOffice, receiver: Receiver
) -> None:
    generations = [
        await administration.request(*UNTIL_STARTED, *TO_END, webhook=receiver.url) for _ in range(30)
    ]
    await administration.schedule(*generations)
    one, two = administration.sender(), administration.sender()
    while any(await asyncio.gather(one.round(), two.round(), one.round(), two.round())):
        await asyncio.gather(one.idle(), two.idle())
    assert len(receiver.requests) == 30
    assert len({received.id for received in receiver.requests}) == 30


async def test_a_killed_sender_loses_nothing_and_its_claim_runs_out(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.schedule(
        *[await administration.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(3)]
    )
    line = Held(administration.dial)
    killed = administration.sender(line)
    await killed.round()
    await calls(line, 3)
    administration.senders.remove(killed)
    await killed.close(grace=0)  # cancelled before anything was noted, as a SIGKILL would

    successor = administration.sender()
    assert await successor.round() == 0, "the claims still hold"
    administration.forward(seconds=administration.settings.lease_seconds)
    await administration.work()
    assert len({received.id for received in receiver.requests}) == 3
    assert {row.state for row in await administration.rows()} == {"delivered"}


async def test_an_answer_that_comes_after_the_claim_ran_out_is_kept_and_changes_nothing(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    line = Held(administration.dial)
    slow = administration.sender(line)
    await slow.round()
    await calls(line, 1)
    administration.forward(seconds=administration.settings.lease_seconds)
    quick = administration.sender()
    await quick.round()
    await quick.idle()
    line.open.set()
    await slow.idle()
    [row] = await administration.rows()
    assert row.state == "delivered"
    assert len(row.attempts) == 2, "at least once: the receiver sees one id twice"
    assert len({received.id for received in receiver.requests}) == 1


async def test_a_dead_receiver_delays_nobody_else(administration: PostOffice, receiver: Receiver) -> None:
    patient = administration.settings.model_copy(update={"timeout_seconds": 90})
    async with silence() as dead, Dialler(patient) as dialler:
        await administration.schedule(
            *[await administration.request(*TO_COMPLETED, webhook=dead.url) for _ in range(60)],
            *[
                await administration.request(*TO_COMPLETED, webhook=receiver.url, project="prj-2")
                for _ in range(5)
            ],
        )
        sender = administration.sender(dialler)
        async with asyncio.timeout(45):  # long before the dead one's first time-out
            while len(receiver.requests) < 5:
                await sender.round()
                await asyncio.sleep(0)
        at_once = dead.connections
        await sender.close(grace=0)
    assert at_once <= administration.settings.at_once_per_project_and_host


async def test_one_project_with_many_dead_hosts_leaves_room_for_others(
    administration: PostOffice, receiver: Receiver
) -> None:
    small = administration.settings.model_copy(update={"at_once": 8, "at_once_per_project": 4})
    administration.webhooks.settings = small
    line = Held(administration.dial)
    for n in range(40):
        url = f"https://dead-{n}.example.com/"
        await administration.schedule(await administration.request(*TO_COMPLETED, webhook=url))
    await administration.schedule(
        await administration.request(*TO_COMPLETED, webhook=receiver.url, project="prj-2")
    )
    sender = administration.sender(line)
    assert await sender.round() == 5
    line.open.set()
    await sender.idle()
    assert len(receiver.requests) == 1


class Hanging(Held):
    """A line on which only the receivers of example.com hang, until their time is out."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if "example.com" not in url:
            answer = await self.inner.post(url, body, headers)
            self.calls.put_nowait(url)
            return answer
        self.calls.put_nowait(url)
        await self.open.wait()
        return Answer(None, "timeout", 15_000)


async def test_twenty_receivers_that_hang_keep_nothing_from_a_good_one_of_the_same_project(
    administration: PostOffice, receiver: Receiver
) -> None:
    for n in range(20):
        url = f"https://hangs-{n}.example.com/"
        await administration.schedule(
            *[await administration.request(*TO_COMPLETED, webhook=url) for _ in range(4)]
        )
    line = Hanging(administration.dial)
    sender = administration.sender(line)
    line.open.set()
    while await sender.round():
        await sender.idle()
    line.open.clear()
    line.calls = asyncio.Queue()
    administration.forward(seconds=6)
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    await sender.round()
    await calls(line, 40 + 1)
    assert receiver.types == ["completed"], "while all that hang still hang"
    line.open.set()
    await sender.idle()


async def test_a_slow_host_gets_little_room_and_all_of_it_back_when_it_answers_again(
    administration: PostOffice, receiver: Receiver
) -> None:
    [delivery] = await _scheduled(administration, receiver)
    room, taken_at_once = Room(administration.settings), []
    for slow in (False, True, False):
        room.judge(delivery.host, slow=slow)
        taken_at_once.append(sum(room.take(delivery) for _ in range(50)))
        for _ in range(taken_at_once[-1]):
            room.give_back(delivery)
    usual = administration.settings.at_once_per_project_and_host
    assert taken_at_once == [usual, administration.settings.at_once_per_slow_host, usual]


async def _scheduled(administration: PostOffice, receiver: Receiver) -> Sequence[Delivery]:
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    return await administration.rows()


async def test_room_is_given_back_however_an_attempt_ends(
    administration: PostOffice, receiver: Receiver
) -> None:
    class Broken:
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            raise RuntimeError("a fault of ours")

    await administration.schedule(
        *[await administration.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(10)]
    )
    sender = administration.sender(Broken())
    while await sender.round():
        await sender.idle()
    administration.forward(seconds=administration.settings.lease_seconds)
    healthy = administration.sender()
    while await healthy.round():
        await healthy.idle()
    assert len(receiver.requests) == 10
    assert await sender.round() == 0


@pytest.mark.parametrize("busy", [Busy(), Busy(hosts=frozenset({"a", "b"}), projects=frozenset({"c"}))])
async def test_what_is_due_is_found_by_the_index_alone(administration: PostOffice, busy: Busy) -> None:
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook="https://example.com/"))
    rows = administration.store.client.get_default_database().get_collection("webhook_deliveries")
    query: dict[str, object] = {"state": "pending", "due_at": {"$lte": administration.clock.now}}
    if busy.hosts:
        query |= {"host": {"$nin": sorted(busy.hosts)}, "project": {"$nin": sorted(busy.projects)}}
    plan = await rows.find(query).sort("due_at", 1).limit(100).explain()
    assert plan["executionStats"]["totalDocsExamined"] == plan["executionStats"]["nReturned"] == 1
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_one_round_is_enough_for_many_because_whoever_ends_makes_room(
    administration: PostOffice, receiver: Receiver
) -> None:
    narrow = {"at_once_per_project_and_host": 2}
    administration.webhooks.settings = administration.settings.model_copy(update=narrow)
    await administration.schedule(
        *[await administration.request(*TO_COMPLETED, webhook=receiver.url) for _ in range(20)]
    )
    sender = administration.sender()
    assert await sender.round() == 2
    await sender.idle()
    assert len(receiver.requests) == 20
