"""Hashing passwords: one client leaves threads and queue to others."""

import asyncio
import threading

import pytest

from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError


class Slow(Passwords):
    """Computes hashes until the test releases them."""

    def __init__(self, *, at_once: int, queue: int, queue_timeout: float = 5) -> None:
        super().__init__(memory_kib=8, passes=1, at_once=at_once, queue=queue, queue_timeout=queue_timeout)
        self.running, self.release = 0, threading.Event()
        self._lock = threading.Lock()

    def _matches(self, kept: str, password: str) -> bool:
        with self._lock:
            self.running += 1
        self.release.wait(20)
        return super()._matches(kept, password)


async def ask(passwords: Passwords, client: str, count: int) -> list[asyncio.Task[bool]]:
    asked = [asyncio.create_task(passwords.verify("wrong", None, client=client)) for _ in range(count)]
    await asyncio.sleep(0.05)
    return asked


@pytest.mark.parametrize(("at_once", "of_one"), [(1, 1), (2, 1), (4, 3)])
async def test_one_client_leaves_a_thread_to_others(at_once: int, of_one: int) -> None:
    passwords = Slow(at_once=at_once, queue=64)
    greedy = await ask(passwords, "greedy", 12)
    assert passwords.running == of_one
    modest = await ask(passwords, "modest", 1)
    assert passwords.running == at_once
    passwords.release.set()
    assert await asyncio.gather(*greedy, *modest) == [False] * 13


async def test_one_client_fills_a_quarter_of_the_queue() -> None:
    passwords = Slow(at_once=1, queue=8)
    greedy = await ask(passwords, "greedy", 9)
    refused = [task.exception() for task in greedy if task.done()]
    assert [one.code for one in refused if isinstance(one, ExemplarError)] == [ErrorCode.SERVER_BUSY] * 6
    others = [task for number in range(6) for task in await ask(passwords, f"client {number}", 1)]
    assert not any(task.done() for task in others)
    [late] = await ask(passwords, "late", 1)
    assert late.done(), "the queue is full"
    passwords.release.set()
    results = await asyncio.gather(*greedy, *others, late, return_exceptions=True)
    assert results.count(False) == 9


async def test_a_client_waits_for_one_hash_of_another() -> None:
    passwords = Slow(at_once=1, queue=64)
    order = list[str]()

    async def verify(client: str) -> None:
        await passwords.verify("wrong", None, client=client)
        order.append(client)

    asked = [asyncio.create_task(verify(client)) for client in [*["greedy"] * 10, "modest"]]
    await asyncio.sleep(0.05)
    passwords.release.set()
    await asyncio.gather(*asked)
    assert order.index("modest") <= 1
