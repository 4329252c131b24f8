"""Connections whose other side falls silent without a word."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from events.envelope import RecordedEvent
from rabbitmq.consumer import Consumer
from rabbitmq.link import Link
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology
from rabbitmq.wakeup import Wakeups
from tests.rabbitmq.conftest import Proxied
from tests.systems.waiting import until

HEARTBEAT = 2


async def _ignore(_queue: str, _event: RecordedEvent) -> None: ...


LINKS: dict[str, Callable[[str, Topology], Link]] = {
    "publisher": lambda url, table: Publisher(url, table, heartbeat=HEARTBEAT),
    "consumer": lambda url, table: Consumer(url, _ignore, topology=table, heartbeat=HEARTBEAT),
    "wake-ups": lambda url, table: Wakeups(
        url, _nothing, _nothing, watched=asyncio.Event(), topology=table, heartbeat=HEARTBEAT
    ),
}


def _nothing(*_: Any) -> None: ...


@pytest.mark.parametrize("kind", LINKS)
async def test_a_silent_connection_is_replaced_after_two_heartbeats(
    kind: str, proxied_rabbit: Proxied, table: Topology
) -> None:
    proxy = proxied_rabbit.proxy
    async with LINKS[kind](proxied_rabbit.url, table):
        await until(lambda: proxy.accepted == 1)
        await asyncio.sleep(2 * HEARTBEAT + 0.5)
        assert proxy.accepted == 1, "an idle connection stays"
        assert proxy.silence() == 1
        await until(lambda: proxy.accepted == 2, "a new connection", within=2 * HEARTBEAT + 2)
