"""Upload budget, spool, and the checks of settings."""

import asyncio
import hashlib
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import ErrorCode, ExemplarError
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.submissions.uploads.spool import Spool
from tests.gateway.submissions.upload_server import SECRETS, make_settings
from tests.systems.waiting import until

ONE = "one developer"
MIB = 1024 * 1024


async def test_budget_is_granted_in_the_order_of_waiting() -> None:
    budget = ByteBudget(10, share=10, wait=5)
    await budget.take(ONE, 10)
    order: list[str] = []

    async def take(name: str, size: int) -> None:
        await budget.take(ONE, size)
        order.append(name)

    waiting = [asyncio.create_task(take("large", 8)), asyncio.create_task(take("small", 1))]
    await asyncio.sleep(0)
    budget.give_back(ONE, 5)
    await asyncio.sleep(0)
    assert order == []
    budget.give_back(ONE, 5)
    await asyncio.gather(*waiting)
    assert (order, budget.free) == (["large", "small"], 1)


async def test_cancelled_waiter_does_not_block_others() -> None:
    budget = ByteBudget(10, share=10, wait=5)
    await budget.take(ONE, 10)
    first, second = (asyncio.create_task(budget.take(ONE, size)) for size in (10, 4))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    budget.give_back(ONE, 4)
    await asyncio.wait_for(second, 1)
    assert budget.free == 0


async def test_bytes_granted_to_a_cancelled_waiter_are_returned() -> None:
    budget = ByteBudget(10, share=10, wait=5)
    await budget.take(ONE, 10)
    waiting = asyncio.create_task(budget.take(ONE, 10))
    await asyncio.sleep(0)
    budget.give_back(ONE, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.free == 10


async def test_a_holder_at_its_share_stops_no_other() -> None:
    budget = ByteBudget(10, share=6, wait=5)
    await budget.take("greedy", 6)
    waiting = asyncio.create_task(budget.take("greedy", 2))
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.take("modest", 4), 1)
    budget.give_back("modest", 4)
    await asyncio.sleep(0)
    assert (waiting.done(), budget.free) == (False, 4)
    budget.give_back("greedy", 6)
    await asyncio.wait_for(waiting, 1)
    assert budget.free == 8


async def test_a_user_leaves_part_of_the_share_to_others_of_the_same_holder() -> None:
    budget = ByteBudget(32, share=8, user_share=6, wait=0)
    await take_all(budget, ONE, 1, user="greedy")
    assert budget.free == 32 - 6
    await budget.take(ONE, 2, user="modest")
    with pytest.raises(ExemplarError):
        await budget.take(ONE, 1, user="late")
    await budget.take("another developer", 1, user="late")


async def test_a_user_has_one_share_at_all_addresses() -> None:
    budget = ByteBudget(32, share=8, user_share=6, wait=0)
    for number in range(6):
        await budget.take(f"address {number}", 1, user="wanderer")
    assert not budget.fits("address 7", 1, user="wanderer")
    assert budget.fits("address 0", 1, user="other")


async def test_a_user_who_waits_stops_no_other_of_the_same_holder() -> None:
    budget = ByteBudget(32, share=8, user_share=4, wait=5)
    await budget.take(ONE, 4, user="greedy")
    waiting = asyncio.create_task(budget.take(ONE, 2, user="greedy"))
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.take(ONE, 3, user="modest"), 1)
    assert not waiting.done()
    budget.give_back(ONE, 4, user="greedy")
    await asyncio.wait_for(waiting, 1)
    budget.give_back(ONE, 2, user="greedy")
    budget.give_back(ONE, 3, user="modest")
    assert budget.free == 32


def budgets() -> list[tuple[ByteBudget, int]]:
    """Return the budgets with their defaults, and what one ordinary transfer takes of each at once."""
    defaults = make_settings()
    return [
        (ByteBudget(defaults.download_budget, share=defaults.download_share, wait=0), 2 * MIB),
        (ByteBudget(defaults.upload_budget, share=defaults.upload_share, wait=0), ByteLease.STEP),
    ]


async def take_all(budget: ByteBudget, holder: str, size: int, *, user: str = "") -> None:
    while budget.fits(holder, size, user=user):
        await budget.take(holder, size, user=user)


@pytest.mark.parametrize(("budget", "size"), budgets())
async def test_a_holder_alone_gets_its_whole_share(budget: ByteBudget, size: int) -> None:
    limit = budget.free
    await take_all(budget, "alone", size)
    assert budget.free == limit - limit // 4


@pytest.mark.parametrize(("budget", "size"), budgets())
async def test_ten_greedy_holders_one_after_another_leave_room_for_a_newcomer(budget: ByteBudget, size: int) -> None:
    for number in range(10):
        await take_all(budget, f"greedy {number}", size)
    for _ in range(2 * MIB // size):
        await budget.take("newcomer", size)


@pytest.mark.parametrize(("budget", "size"), budgets())
async def test_ten_greedy_holders_in_turns_leave_room_for_a_newcomer(budget: ByteBudget, size: int) -> None:
    for _ in range(budget.free // size):
        for number in range(10):
            if budget.fits(f"greedy {number}", size):
                await budget.take(f"greedy {number}", size)
    for _ in range(2 * MIB // size):
        await budget.take("newcomer", size)


async def test_greedy_holders_that_wait_stop_no_newcomer() -> None:
    budget = ByteBudget(16, share=8, wait=5)
    for greedy in ("one", "two", "three"):
        await take_all(budget, greedy, 1)
    waiting = [asyncio.create_task(budget.take(greedy, 1)) for greedy in ("one", "two", "three")]
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.take("newcomer", 1), 1)
    assert not any(task.done() for task in waiting)
    budget.give_back("one", 8)
    await asyncio.gather(*waiting)


async def test_waiting_leases_of_several_steps_do_not_stop_each_other() -> None:
    budget = ByteBudget(2 * ByteLease.STEP, share=2 * ByteLease.STEP, wait=1)

    async def use() -> None:
        with closing(ByteLease(budget, ONE)) as lease:
            await lease.use(2 * ByteLease.STEP)
            await asyncio.sleep(0)

    await asyncio.gather(*[use() for _ in range(3)])
    assert budget.free == 2 * ByteLease.STEP


async def test_wait_for_the_budget_ends_with_server_busy() -> None:
    budget = ByteBudget(ByteLease.STEP, share=ByteLease.STEP, wait=0.01)
    with closing(ByteLease(budget, ONE)) as first, closing(ByteLease(budget, ONE)) as second:
        await first.use(1)
        with pytest.raises(ExemplarError) as caught:
            await second.use(1)
        assert caught.value.code is ErrorCode.SERVER_BUSY
    assert budget.free == ByteLease.STEP


@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(0, 100))
async def test_spool_returns_the_written_bytes(chunks: list[bytes], memory: int) -> None:
    spool = Spool(memory)
    try:
        for chunk in chunks:
            await spool.write(chunk)
        await spool.finish()
        whole = b"".join(chunks)
        assert (spool.size, spool.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        assert await spool.read() == whole
        source = spool.source()
        if isinstance(source, bytes):
            assert source == whole
        else:
            source.seek(0)
            assert source.read() == whole
        assert await spool.read() == whole
    finally:
        spool.close()


async def test_small_image_is_not_written_to_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    spool = Spool(1000)
    await spool.write(bytes(1000))
    await spool.finish()
    assert await spool.read() == bytes(1000)


async def test_full_disk_gives_server_busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ExemplarError) as caught:
        await Spool(1000).write(bytes(1001))
    assert caught.value.code is ErrorCode.SERVER_BUSY


async def test_cancelled_spool_closes_its_file_after_the_writing_thread() -> None:
    spool = Spool(0)
    await spool.write(b"x")
    source = spool.source()
    assert not isinstance(source, bytes)
    file: IO[bytes] = source
    writing = asyncio.create_task(spool.write(bytes(50_000_000)))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    spool.close()
    await until(lambda: file.closed)


@pytest.mark.parametrize("name", SECRETS)
def test_short_secret_is_refused_with_instructions(name: str) -> None:
    with pytest.raises(ValidationError, match="at least 32 bytes; make one with"):
        make_settings(**{name: "k" * 31})


def test_secrets_are_not_in_the_repr() -> None:
    assert "kkkk" not in repr(make_settings())


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(f"EXEMPLAR_{name.upper()}", secret)
    monkeypatch.setenv("EXEMPLAR_CORS_ORIGINS", "https://a.example, https://b.example")
    origins = type(make_settings())().cors_origins
    assert origins == ("https://a.example", "https://b.example")
