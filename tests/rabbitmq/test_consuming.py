import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dramatiq.broker import Broker, MessageProxy
from dramatiq.middleware import Middleware
from structlog.testing import capture_logs

from events.envelope import RecordedEvent
from rabbitmq.broker import EventBroker, Handler
from rabbitmq.consumer import Consumer
from rabbitmq.message import body_of
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology, topology
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.heard import Heard, until
from tests.rabbitmq.server import Server
from tests.rabbitmq.wire import Wire

ONE = topology({"validation": ["generation.progressed"]})


@asynccontextmanager
async def consuming(
    url: str, handlers: Mapping[str, Handler], table: Topology = ONE, *, prefetch: int = 2, **options: Any
) -> AsyncIterator[Consumer]:
    consumers = Consumer(url, handlers, topology=table, prefetch=prefetch, **options)
    await consumers.start()
    yield consumers
    await consumers.stop(grace=10)


async def test_a_bare_event_becomes_a_call_of_the_handler_that_owns_the_queue(
    amqp_url: str, server: Server, commits: Commits
) -> None:
    [event] = commits.progressed().events
    arrived: asyncio.Future[RecordedEvent] = asyncio.get_running_loop().create_future()

    async def handle(event: RecordedEvent) -> None:
        arrived.set_result(event)

    server.declare(ONE)
    server.send("validation", body_of(event))
    async with consuming(amqp_url, {"validation": handle}):
        assert await asyncio.wait_for(arrived, 20) == event
    assert server.count("validation") == 0
    assert server.count("validation.dead") == 0


async def test_dramatiq_adds_no_queues_of_its_own(
    amqp_url: str, server: Server, heard: Heard, commits: Commits
) -> None:
    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    async with consuming(amqp_url, {"validation": heard.handle}):
        await heard.until(bool)
        assert server.exists("validation.dead")
        assert not server.exists("validation.DQ")
        assert not server.exists("validation.XQ")


async def test_a_failing_handler_sends_its_message_to_the_dead_letter_queue_and_others_go_on(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    bad, good = commits.progressed(13), commits.progressed(1)

    async def handle(event: RecordedEvent) -> None:
        if event.id == bad.id:
            raise ZeroDivisionError
        await heard.handle(event)

    server.declare(ONE)
    for commit in (bad, good):
        server.send("validation", body_of(commit.events[0]))
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": handle}):
            await heard.all_of(good.id)
            [(_, body)] = await asyncio.to_thread(server.take_with_bodies, "validation.dead", 1)
    assert json.loads(body)["id"] == bad.id
    assert server.count("validation") == 0
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["handler_failed"]


REFUSED: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda _: b"\x00\xff not json",
    "a list": lambda _: b"[]",
    "deep nesting": lambda _: b"[" * 100_000,
    "an infinite version": lambda body: body.replace(b'"version":1', b'"version":Infinity'),
    "a version that is no number": lambda body: body.replace(b'"version":1', b'"version":[]'),
    "an unknown type": lambda body: body.replace(b"generation.progressed", b"generation.imagined"),
    "a newer schema": lambda body: body.replace(b"generation.progressed:1", b"generation.progressed:99"),
    "a stream without a name": lambda body: body.replace(b'"stream":"', b'"stream":7,"other":"'),
    "another shape": lambda body: body.replace(b"percent", b"per_cent"),
    "more than a megabyte": lambda body: body[:-1] + b',"padding":"' + b"x" * 1_000_001 + b'"}',
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_no_event_is_dead_lettered_and_the_worker_lives(
    kind: str, amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    [event] = commits.progressed().events
    body = REFUSED[kind](body_of(event))
    assert body != body_of(event)
    server.declare(ONE)
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": heard.handle}):
            server.send("validation", body)
            server.send("validation", body_of(event))
            await heard.all_of(event.id)
            assert await asyncio.to_thread(server.take_with_bodies, "validation.dead", 1) != []
    assert heard.ids == [event.id]
    [refused] = [line for line in logs if line["event"] == "message_refused"]
    assert len(str(refused)) < 500


async def test_a_worker_that_starts_before_rabbitmq_begins_when_it_is_there(
    wire: Wire, server: Server, commits: Commits, heard: Heard
) -> None:
    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    wire.refuse()
    async with consuming(wire.url, {"validation": heard.handle}):
        await until(lambda: wire.accepted >= 2)
        assert heard.ids == []
        wire.serve()
        await heard.until(bool)


async def test_a_deleted_queue_is_declared_and_consumed_again(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    first, second = commits.progressed(), commits.progressed()
    server.declare(ONE)
    async with consuming(amqp_url, {"validation": heard.handle}):
        server.send("validation", body_of(first.events[0]))
        await heard.all_of(first.id)
        server.channel.queue_delete("validation")
        await until(lambda: server.exists("validation"))
        server.send("validation", body_of(second.events[0]))
        await heard.all_of(second.id)


async def test_stopping_lets_running_handlers_finish_and_leaves_the_rest_in_the_queue(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    server.declare(ONE)
    for _ in range(6):
        server.send("validation", body_of(commits.progressed().events[0]))
    running, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        running.release()
        await go_on.wait()
        await heard.handle(event)

    consumers = Consumer(amqp_url, {"validation": handle}, topology=ONE, prefetch=2)
    await consumers.start()
    for _ in range(2):
        await running.acquire()
    stopping = asyncio.create_task(consumers.stop(grace=20))
    assert await asyncio.wait({stopping}, timeout=1) == (set(), {stopping})
    go_on.set()
    await stopping
    assert len(heard.ids) == 2
    assert len(server.take("validation", 4)) == 4
    assert server.count("validation.dead") == 0


async def test_handlers_that_do_not_finish_in_time_are_cancelled_and_their_messages_come_again(
    amqp_url: str, server: Server, commits: Commits
) -> None:
    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handle(_event: RecordedEvent) -> None:
        running.set_result(None)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set_result(None)

    consumers = Consumer(amqp_url, {"validation": handle}, topology=ONE, prefetch=2)
    await consumers.start()
    await running
    await consumers.stop(grace=0.2)
    await asyncio.wait_for(cancelled, 5)
    assert len(server.take("validation", 1)) == 1
    assert server.count("validation.dead") == 0


async def test_an_old_answer_never_hits_a_message_of_the_new_connection(
    wire: Wire, server: Server, commits: Commits
) -> None:
    """A's old tag is 4; after a reset 4 is D, which never ran: an unguarded worker loses D."""
    before = [commits.progressed() for _ in range(3)]
    a, *rest = [commits.progressed() for _ in range(4)]
    server.declare(ONE)
    started: asyncio.Queue[str] = asyncio.Queue()
    finish_a = asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        started.put_nowait(event.id)
        if event.id == a.id:
            await finish_a.wait()
        elif event.id in {commit.id for commit in rest}:
            await asyncio.Event().wait()

    consumers = Consumer(wire.url, {"validation": handle}, topology=ONE, prefetch=8)
    await consumers.start()
    for commit in (*before, a):
        server.send("validation", body_of(commit.events[0]))
    while await started.get() != a.id:
        pass
    wire.cut()
    for commit in rest:
        server.send("validation", body_of(commit.events[0]))
    missing = {commit.id for commit in (a, *rest)}
    while missing:
        missing.discard(await asyncio.wait_for(started.get(), 20))
    with capture_logs() as logs:
        finish_a.set()
        await until(lambda: "stale_delivery_not_answered" in [line["event"] for line in logs])
    await consumers.stop(grace=0.2)
    left = {json.loads(body)["id"] for _, body in server.take_with_bodies("validation", 10, seconds=1)}
    assert left == {commit.id for commit in rest}


async def test_a_queue_whose_handlers_wait_holds_up_no_other(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    table = topology({"invocation": ["generation.progressed"], "validation": ["generation.progressed"]})

    async def hang(_event: RecordedEvent) -> None:
        await asyncio.Event().wait()

    server.declare(table)
    sent = [commits.progressed() for _ in range(20)]
    consumers = Consumer(
        amqp_url, {"invocation": hang, "validation": heard.handle}, topology=table, prefetch=2
    )
    await consumers.start()
    for commit in sent:
        for queue in ("invocation", "validation"):
            server.send(queue, body_of(commit.events[0]))
    await heard.all_of(*(commit.id for commit in sent))
    await consumers.stop(grace=0.2)
    assert len(server.take("invocation", 20)) == 20


async def test_a_busy_queue_is_emptied_whatever_order_its_handlers_finish_in(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    sent = [commits.progressed() for _ in range(200)]
    numbers = {commit.id: number for number, commit in enumerate(sent)}
    failing = sent[::11]

    async def handle(event: RecordedEvent) -> None:
        await asyncio.sleep(numbers[event.id] * 5 % 7 / 1000)
        if numbers[event.id] % 11 == 0:
            raise ZeroDivisionError
        await heard.handle(event)

    server.declare(ONE)
    for commit in sent:
        server.send("validation", body_of(commit.events[0]))
    async with consuming(amqp_url, {"validation": handle}, prefetch=9):
        await heard.until(lambda ids: len(ids) == len(sent) - len(failing))
        await until(lambda: server.count("validation.dead") == len(failing))
    assert server.count("validation") == 0
    assert len(set(heard.ids)) == len(heard.ids)


POISON = """
import asyncio, os, signal, sys
from rabbitmq.consumer import Consumer
from rabbitmq.topology import topology

async def die(event):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    table = topology({"validation": ["generation.progressed"]}, delivery_limit=1)
    await Consumer(sys.argv[1], {"validation": die}, topology=table, prefetch=1).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_message_that_kills_its_process_ends_in_the_dead_letter_queue(
    amqp_url: str, server: Server, commits: Commits
) -> None:
    poison = commits.progressed()
    server.declare(topology({"validation": ["generation.progressed"]}, delivery_limit=1))
    server.send("validation", body_of(poison.events[0]))
    for _ in range(2):
        victim = subprocess.run([sys.executable, "-c", POISON, amqp_url], timeout=30, check=False)
        assert victim.returncode == -signal.SIGKILL
    [(_, body)] = server.take_with_bodies("validation.dead", 1)
    assert json.loads(body)["id"] == poison.id
    assert server.count("validation") == 0


async def test_heartbeats_go_on_while_a_handler_runs(
    amqp_url: str, server: Server, commits: Commits, heard: Heard
) -> None:
    async def handle(event: RecordedEvent) -> None:
        await asyncio.sleep(3.5)  # longer than RabbitMQ waits for a heartbeat of one second
        await heard.handle(event)

    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": handle}, heartbeat=1):
            await heard.until(bool)
    assert len(heard.ids) == 1
    assert not [line for line in logs if line["log_level"] == "warning"]
    assert server.count("validation") == 0


async def test_systems_with_different_prefixes_share_a_server_unheard(
    amqp_url: str, commits: Commits, heard: Heard
) -> None:
    blue, green = (
        topology({"validation": ["generation.progressed"]}, prefix) for prefix in ("blue-", "green-")
    )
    others, commit = Heard(), commits.progressed()
    async with (
        consuming(amqp_url, {"validation": heard.handle}, blue),
        consuming(amqp_url, {"validation": others.handle}, green),
    ):
        for table in (green, blue):
            publisher = Publisher(amqp_url, table, lambda _: None)
            await publisher.start()
            assert await publisher.publish(commit if table is blue else commits.progressed())
            await publisher.close()
        assert await heard.until(bool) == [commit.id]
        assert await others.until(bool) != [commit.id]


def test_an_actor_is_called_by_its_event_and_never_sent() -> None:
    async def handle(_event: RecordedEvent) -> None:
        raise AssertionError

    broker = EventBroker({"validation": handle})
    with pytest.raises(RuntimeError, match="called by its event"):
        broker.get_actor("validation").send("a copy")


async def test_the_middleware_of_dramatiq_sees_every_call(commits: Commits, heard: Heard) -> None:
    class Seen(Middleware):
        def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
            seen.append((message.actor_name, message.message_id))

    seen: list[tuple[str, str]] = []
    broker = EventBroker({"validation": heard.handle})
    broker.add_middleware(Seen())
    [event] = commits.progressed().events
    assert await broker.call("validation", event)
    assert seen == [("validation", event.id)]
