"""A project that is known to have no endpoint costs neither messages nor reads of streams."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.handlers import delivery
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.generation import stream_of
from store.commits.contract import EventStore
from tests.builders.generation import COMPLETED
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Receiver
from tests.systems.webhook_system import PROJECT, WebhookSystem


async def test_whether_a_project_has_endpoints_is_looked_up_in_the_background(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoints = system.process().get("endpoints")
    assert not endpoints.lacks(PROJECT)
    endpoints.look_up(PROJECT)
    await until(lambda: endpoints.lacks(PROJECT))
    endpoints.forget_none(PROJECT)
    assert not endpoints.lacks(PROJECT)

    await system.register(receiver.url)
    endpoints.look_up(PROJECT)
    await asyncio.gather(*endpoints._looking)
    assert not endpoints.lacks(PROJECT)


async def test_what_is_read_while_an_endpoint_is_registered_is_not_remembered(system: WebhookSystem) -> None:
    endpoints = system.process().get("endpoints")
    reading = asyncio.create_task(endpoints.of_project(PROJECT))
    await asyncio.sleep(0)  # it puts its question into a batch
    await asyncio.sleep(0)  # the batch is sent
    endpoints.forget_none(PROJECT)
    assert await reading == []
    assert not endpoints.lacks(PROJECT)


async def test_an_endpoint_that_was_read_replaces_an_older_none_whatever_changes_meanwhile(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoints = system.process().get("endpoints")
    assert await endpoints.of_project(PROJECT) == []
    assert endpoints.lacks(PROJECT)
    await system.register(receiver.url)  # in another process
    reading = asyncio.create_task(endpoints.of_projects([PROJECT]))
    await asyncio.sleep(0)  # it is sent
    endpoints.forget_none("prj-2")
    assert await reading == {PROJECT}
    assert not endpoints.lacks(PROJECT)
    assert len(await endpoints.of_project(PROJECT, recent=True)) == 1


async def test_an_older_read_does_not_hide_an_endpoint_that_a_newer_one_has_found(
    system: WebhookSystem, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = system.process().get("endpoints")
    find, was_read, go_on = endpoints._rows.find, asyncio.Event(), asyncio.Event()

    class Delayed:
        """Hands out what it has read when the test goes on."""

        def __init__(self, query: Any) -> None:
            self.cursor = find(query)

        async def to_list(self, length: int | None) -> Any:
            rows = await self.cursor.to_list(length)
            was_read.set()
            await go_on.wait()
            return rows

    rows = SimpleNamespace(find=Delayed)
    monkeypatch.setattr(endpoints, "_rows", rows)
    older = asyncio.create_task(endpoints.of_projects([PROJECT]))
    await was_read.wait()
    rows.find = find
    await system.register(receiver.url)
    assert await endpoints.of_projects([PROJECT]) == {PROJECT}
    go_on.set()
    assert await older == set()
    assert not endpoints.lacks(PROJECT)


async def test_the_stream_of_a_known_generation_that_nobody_is_told_of_is_not_read(system: WebhookSystem) -> None:
    process = system.process()
    generations = process.get("generations")
    unread = replace(process.call(DeliveryScheduler), events=cast("EventStore", None))
    silent = await system.request()
    wanted = await system.request(webhook="https://receiver.example/", filters=["completed"])
    for generation in (silent, wanted):
        await generations.load(generation)
        await system.record(generation, COMPLETED)
    events = [(await system.store.events.read(stream_of(one)))[-1].events[-1] for one in (silent, wanted)]
    process.set(delivery_scheduler=unread)
    actor: Any = delivery.handle
    handle = process.bind(actor.fn, given=["event"])
    await handle(events[0])
    with pytest.raises(AttributeError):  # it reads the stream
        await handle(events[1])
