"""Clocks of writers and senders may be wrong: no event is missed for it, and none waits longer than it must."""

from datetime import timedelta

import pytest
from aiohttp import web

from tests.actors.webhooks.test_delivery import TO_COMPLETED
from tests.builders.generation import RESERVED, VALIDATED, intended, started
from tests.systems.webhook_receiver import Received, Receiver, accept
from tests.systems.webhook_system import WebhookSystem

SENT = ["requested", "validated", "started", "progressed", "completed"]


async def seal(system: WebhookSystem) -> None:
    while await system.store.sealed_log.seal():
        pass


@pytest.mark.parametrize("sealed", [False, True])
async def test_an_endpoint_gets_what_a_writer_whose_clock_is_behind_records_after_its_registration(
    system: WebhookSystem, receiver: Receiver, sealed: bool
) -> None:
    await system.register(receiver.url)
    await seal(system)
    system.clock.step(hours=-1)
    generation = await system.request(*TO_COMPLETED)
    system.clock.step(hours=1)
    if sealed:
        await seal(system)
    await system.schedule(generation)
    await system.deliver_due()
    assert receiver.types == SENT


@pytest.mark.parametrize("sealed", [False, True])
async def test_it_gets_nothing_that_was_recorded_before(
    system: WebhookSystem, receiver: Receiver, sealed: bool
) -> None:
    generation = await system.request(VALIDATED, RESERVED, intended())
    if sealed:
        await seal(system)
    system.clock.forward(seconds=1)
    await system.register(receiver.url)
    if sealed:
        await seal(system)
    await system.record(generation, started())
    await system.schedule(generation)
    await system.deliver_due()
    assert receiver.types == ["started"]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_an_attempt_during_which_the_clock_was_set_is_repeated_at_once(
    system: WebhookSystem, receiver: Receiver, hours: int
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)

    def set_clock(_: Received) -> web.Response:
        system.clock.step(hours=hours)
        receiver.respond = accept
        return web.Response(status=400, text="timestamp too old")

    receiver.respond = set_clock
    await system.deliver_due()
    due = await system.next_due()
    assert receiver.types == ["completed", "completed"]
    assert due is None or due - system.clock.now < timedelta(seconds=1)
