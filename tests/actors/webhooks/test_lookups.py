"""Threads that look names up, shared by all developers."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from actors.webhooks.resolver import SystemLookup, developer, user
from tests.systems.waiting import until


class NameServer:
    """Answers for `fast` at once, for every other name when it is `open`."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked: Counter[str] = Counter()

    def resolve(self, host: str, *_: object, **__: object) -> Sequence[Any]:
        self.asked[host] += 1
        if host != "fast":
            self.open.wait()
        return [(None, None, None, None, ("203.0.113.7", 0))]


async def looked_up(lookup: SystemLookup, name: str, host: str) -> Sequence[str]:
    developer.set(name)
    return await lookup(host)


async def test_the_slow_name_server_of_one_developer_delays_no_other() -> None:
    server = NameServer()
    lookup = SystemLookup(server.resolve)
    slow = [asyncio.create_task(looked_up(lookup, "one", "slow")) for _ in range(200)]
    try:
        await until(lambda: server.asked["slow"] == 32)
        for attempt in slow[:32]:
            attempt.cancel()  # timed out, but their threads are still busy
        assert await asyncio.wait_for(looked_up(lookup, "another", "fast"), 10) == ["203.0.113.7"]
        assert server.asked["slow"] == 32
        server.open.set()
        found = await asyncio.gather(*slow, return_exceptions=True)
        assert found[32:] == [["203.0.113.7"]] * 168
    finally:
        server.open.set()
        lookup.close()


async def test_one_end_user_leaves_look_ups_to_others_of_the_same_developer() -> None:
    server = NameServer()
    lookup = SystemLookup(server.resolve)

    async def of_user(name: str, host: str) -> Sequence[str]:
        user.set(name)
        return await looked_up(lookup, "one", host)

    slow = [asyncio.create_task(of_user("greedy", "slow")) for _ in range(40)]
    try:
        await until(lambda: server.asked["slow"] == 24)
        assert await asyncio.wait_for(of_user("modest", "fast"), 10) == ["203.0.113.7"]
        assert server.asked["slow"] == 24
        server.open.set()
        assert await asyncio.gather(*slow) == [["203.0.113.7"]] * 40
    finally:
        server.open.set()
        lookup.close()


async def test_waiting_look_ups_can_be_cancelled() -> None:
    server = NameServer()
    lookup = SystemLookup(server.resolve)
    slow = [asyncio.create_task(looked_up(lookup, "one", "slow")) for _ in range(40)]
    try:
        await until(lambda: server.asked["slow"] == 32)
        slow[-1].cancel()
        with suppress(asyncio.CancelledError):
            await slow[-1]
        server.open.set()
        await asyncio.gather(*slow[:-1])
        assert server.asked["slow"] == 39
    finally:
        server.open.set()
        lookup.close()
