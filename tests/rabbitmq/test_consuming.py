import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from events.envelope import RecordedEvent
from rabbitmq.consumer import Consumer
from rabbitmq.message import body_of
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology, topology
from tests.rabbitmq.actors import Handler, actors_of
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.conftest import Proxied
from tests.rabbitmq.received import Received
from tests.rabbitmq.server import Server
from tests.systems.waiting import until

ONE = topology({"validation": ["generation.progressed"]})


@asynccontextmanager
async def consuming(
    url: str, handlers: Mapping[str, Handler], table: Topology = ONE, *, prefetch: int = 2, **options: Any
) -> AsyncIterator[Consumer]:
    consumers = Consumer(url, actors_of(handlers), topology=table, prefetch=prefetch, **options)
    await consumers.start()
    yield consumers
    await consumers.close(grace=10)


async def test_an_event_is_handled_by_the_actor_of_its_queue(amqp_url: str, server: Server, commits: Commits) -> None:
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


async def test_a_worker_leaves_the_queues_of_other_workers_alone(
    amqp_url: str, server: Server, table: Topology, commits: Commits, received: Received
) -> None:
    server.declare(table)
    for queue in ("quota", "validation"):
        server.send(queue, body_of(commits.progressed().events[0]))
    async with consuming(amqp_url, {"validation": received.handle}, table, own_queues=("validation",)):
        await received.until(bool)
        await asyncio.sleep(0.5)
    assert (server.count("quota"), server.count("validation")) == (1, 0)


async def test_dramatiq_adds_no_queues_of_its_own(
    amqp_url: str, server: Server, received: Received, commits: Commits
) -> None:
    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    async with consuming(amqp_url, {"validation": received.handle}):
        await received.until(bool)
        assert server.exists("validation.dead")
        assert not server.exists("validation.DQ")
        assert not server.exists("validation.XQ")


async def test_a_failing_handler_dead_letters_its_message_and_others_continue(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    bad, good = commits.progressed(13), commits.progressed(1)

    async def handle(event: RecordedEvent) -> None:
        if event.id == bad.id:
            raise ZeroDivisionError
        await received.handle(event)

    server.declare(ONE)
    for commit in (bad, good):
        server.send("validation", body_of(commit.events[0]))
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": handle}):
            await received.all_of(good.id)
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
async def test_an_unreadable_message_is_dead_lettered_and_the_worker_continues(
    kind: str, amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    [event] = commits.progressed().events
    body = REFUSED[kind](body_of(event))
    assert body != body_of(event)
    server.declare(ONE)
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": received.handle}):
            server.send("validation", body)
            server.send("validation", body_of(event))
            await received.all_of(event.id)
            assert await asyncio.to_thread(server.take_with_bodies, "validation.dead", 1) != []
    assert received.ids == [event.id]
    [refused] = [line for line in logs if line["event"] == "message_refused"]
    assert len(str(refused)) < 500


async def test_a_worker_started_before_rabbitmq_consumes_once_it_is_up(
    proxied_rabbit: Proxied, server: Server, commits: Commits, received: Received
) -> None:
    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    proxied_rabbit.proxy.refuse()
    async with consuming(proxied_rabbit.url, {"validation": received.handle}):
        await until(lambda: proxied_rabbit.proxy.accepted >= 2)
        assert received.ids == []
        proxied_rabbit.proxy.serve()
        await received.until(bool)


async def test_a_deleted_queue_is_declared_and_consumed_again(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    first, second = commits.progressed(), commits.progressed()
    server.declare(ONE)
    async with consuming(amqp_url, {"validation": received.handle}):
        server.send("validation", body_of(first.events[0]))
        await received.all_of(first.id)
        server.channel.queue_delete("validation")
        await until(lambda: server.exists("validation"))

        def arrived() -> bool:  # a queue that is being declared may lose what nobody confirms
            server.send("validation", body_of(second.events[0]))
            return second.id in received.ids

        await until(arrived)


async def test_stopping_lets_running_handlers_finish_and_leaves_the_rest_in_the_queue(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    server.declare(ONE)
    for _ in range(6):
        server.send("validation", body_of(commits.progressed().events[0]))
    running, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        running.release()
        await go_on.wait()
        await received.handle(event)

    consumers = Consumer(amqp_url, actors_of({"validation": handle}), topology=ONE, prefetch=2)
    await consumers.start()
    for _ in range(2):
        await running.acquire()
    stopping = asyncio.create_task(consumers.close(grace=20))
    assert await asyncio.wait({stopping}, timeout=1) == (set(), {stopping})
    go_on.set()
    await stopping
    assert len(received.ids) == 2
    assert len(server.take("validation", 4)) == 4
    assert server.count("validation.dead") == 0


async def test_handlers_that_do_not_finish_in_time_are_cancelled_and_their_messages_redelivered(
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

    consumers = Consumer(amqp_url, actors_of({"validation": handle}), topology=ONE, prefetch=2)
    await consumers.start()
    await running
    await consumers.close(grace=0.2)
    await asyncio.wait_for(cancelled, 5)
    assert len(server.take("validation", 1)) == 1
    assert server.count("validation.dead") == 0


async def test_a_late_acknowledgement_never_reaches_a_message_of_the_new_connection(
    proxied_rabbit: Proxied, server: Server, commits: Commits
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

    consumers = Consumer(proxied_rabbit.url, actors_of({"validation": handle}), topology=ONE, prefetch=8)
    await consumers.start()
    for commit in (*before, a):
        server.send("validation", body_of(commit.events[0]))
    while await started.get() != a.id:
        pass
    proxied_rabbit.proxy.reset()
    for commit in rest:
        server.send("validation", body_of(commit.events[0]))
    missing = {commit.id for commit in (a, *rest)}
    while missing:
        missing.discard(await asyncio.wait_for(started.get(), 20))
    with capture_logs() as logs:
        finish_a.set()
        await until(lambda: "stale_delivery_not_acknowledged" in [line["event"] for line in logs])
    await consumers.close(grace=0.2)
    left = {json.loads(body)["id"] for _, body in server.take_with_bodies("validation", 10, seconds=1)}
    assert left == {commit.id for commit in rest}


async def test_a_queue_whose_handlers_hang_delays_no_other(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    table = topology({"invocation": ["generation.progressed"], "validation": ["generation.progressed"]})

    async def hang(_event: RecordedEvent) -> None:
        await asyncio.Event().wait()

    server.declare(table)
    sent = [commits.progressed() for _ in range(20)]
    consumers = Consumer(
        amqp_url,
        actors_of({"invocation": hang, "validation": received.handle}),
        topology=table,
        prefetch=2,
    )
    await consumers.start()
    for commit in sent:
        for queue in ("invocation", "validation"):
            server.send(queue, body_of(commit.events[0]))
    await received.all_of(*(commit.id for commit in sent))
    await consumers.close(grace=0.2)
    assert len(server.take("invocation", 20)) == 20


async def test_a_busy_queue_is_emptied_in_any_order_of_completion(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    sent = [commits.progressed() for _ in range(200)]
    numbers = {commit.id: number for number, commit in enumerate(sent)}
    failing = sent[::11]

    async def handle(event: RecordedEvent) -> None:
        await asyncio.sleep(numbers[event.id] * 5 % 7 / 1000)
        if numbers[event.id] % 11 == 0:
            raise ZeroDivisionError
        await received.handle(event)

    server.declare(ONE)
    for commit in sent:
        server.send("validation", body_of(commit.events[0]))
    async with consuming(amqp_url, {"validation": handle}, prefetch=9):
        await received.until(lambda ids: len(ids) == len(sent) - len(failing))
        await until(lambda: server.count("validation.dead") == len(failing))
    assert server.count("validation") == 0
    assert len(set(received.ids)) == len(received.ids)


POISON = """
import asyncio, os, signal, sys
from rabbitmq.consumer import Consumer
from rabbitmq.topology import topology

async def die(queue, event):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    table = topology({"validation": ["generation.progressed"]}, delivery_limit=1)
    await Consumer(sys.argv[1], die, topology=table, prefetch=1).start()
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


async def test_heartbeats_continue_while_a_handler_runs(
    amqp_url: str, server: Server, commits: Commits, received: Received
) -> None:
    async def handle(event: RecordedEvent) -> None:
        await asyncio.sleep(3.5)  # longer than RabbitMQ waits for a heartbeat of one second
        await received.handle(event)

    server.declare(ONE)
    server.send("validation", body_of(commits.progressed().events[0]))
    with capture_logs() as logs:
        async with consuming(amqp_url, {"validation": handle}, heartbeat=1):
            await received.until(bool)
    assert len(received.ids) == 1
    assert not [line for line in logs if line["log_level"] == "warning"]
    assert server.count("validation") == 0


async def test_systems_with_different_prefixes_share_a_server(
    amqp_url: str, commits: Commits, received: Received
) -> None:
    blue, green = (topology({"validation": ["generation.progressed"]}, prefix) for prefix in ("blue-", "green-"))
    others, commit = Received(), commits.progressed()
    async with (
        consuming(amqp_url, {"validation": received.handle}, blue),
        consuming(amqp_url, {"validation": others.handle}, green),
    ):
        for table in (green, blue):
            publisher = Publisher(amqp_url, table)
            await publisher.start()
            assert await publisher.publish(commit if table is blue else commits.progressed())
            await publisher.close()
        assert await received.until(bool) == [commit.id]
        assert await others.until(bool) != [commit.id]


async def test_a_consumer_knows_whether_it_consumes_and_whether_its_handlers_get_on(
    proxied_rabbit: Proxied, server: Server, commits: Commits
) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def handle(_: RecordedEvent) -> None:
        begun.set()
        await end.wait()

    server.declare(ONE)
    async with consuming(proxied_rabbit.url, {"validation": handle}) as consumer:
        assert (consumer.consuming, consumer.progress.stalled_seconds()) == (False, 0)
        await until(lambda: consumer.consuming, "it consumes")
        server.send("validation", body_of(commits.progressed().events[0]))
        await begun.wait()
        await until(lambda: consumer.progress.stalled_seconds() > 0.01, "the handler runs")
        end.set()
        await until(lambda: consumer.progress.stalled_seconds() == 0, "the handler has ended")
        proxied_rabbit.proxy.refuse()
        proxied_rabbit.proxy.reset()
        await until(lambda: not consumer.consuming, "the connection is lost")
