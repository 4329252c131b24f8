"""Decoder workers: reused, limited, replaced when they die, ended with their parent."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from actors.imaging.decoder import Decoder, DecoderSettings, DecoderUnavailable, InvalidPicture
from tests.builders import pictures
from tests.systems.waiting import until

ROOT = Path(__file__).parents[3]
ALL = [pictures.photo(name) for name in pictures.PHOTOS]
SLOW = pictures.one_bit_png(7_000, 7_000)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended and was reaped: a zombie still accepts signal 0."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def is_dead(pid: int) -> bool:
    """Tell whether a process has ended; its new parent may not have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def environment_of(pid: int) -> set[str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return {entry.partition("=")[0] for entry in entries if entry}


def pids(decoder: Decoder) -> tuple[int, ...]:
    """Return the process ids of the workers that run."""
    return tuple(client._process.pid for client in decoder._clients if client._process is not None)


async def warm(decoder: Decoder) -> int:
    await decoder.check(pictures.one_bit_png(8, 8))
    return pids(decoder)[0]


async def test_no_worker_is_started_before_the_first_job() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        assert pids(decoder) == ()


async def test_one_worker_does_fifty_valid_and_invalid_jobs() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        pid = await warm(decoder)
        for n in range(50):
            if n % 5 == 4:
                with pytest.raises(InvalidPicture):
                    await decoder.compose([pictures.truncated(ALL[n % 3])])
            else:
                await decoder.check(ALL[n % 5])
            assert pids(decoder) == (pid,)


async def test_a_worker_killed_during_a_job_is_replaced_and_the_job_repeated() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        pid = await warm(decoder)
        os.kill(pid, signal.SIGSTOP)  # so that it cannot finish before it is killed
        job = asyncio.create_task(decoder.compose(ALL))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        composed = await job
        assert len(composed.examples) == 5
        assert pids(decoder) != (pid,)
        assert is_gone(pid)


async def test_an_idle_worker_that_is_killed_is_replaced() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        os.kill(await warm(decoder), signal.SIGKILL)
        assert (await decoder.check(ALL[0])).width == 600


async def test_a_job_whose_worker_dies_twice_has_an_invalid_picture() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        await warm(decoder)
        job = asyncio.create_task(decoder.compose([ALL[0], SLOW, SLOW, SLOW, SLOW]))
        killed: set[int] = set()
        while len(killed) < 2:
            await until(lambda: set(pids(decoder)) - killed, every=0.002)
            killed.update(pids(decoder))
            os.kill(pids(decoder)[0], signal.SIGKILL)
        with pytest.raises(InvalidPicture) as fault:
            await job
        assert fault.value.code == "crashed"
        assert (await decoder.check(ALL[0])).width == 600


async def test_a_hanging_worker_is_replaced_and_the_job_repeated() -> None:
    async with Decoder(DecoderSettings(seconds=0.5)) as decoder:
        pid = await warm(decoder)
        os.kill(pid, signal.SIGSTOP)
        assert (await decoder.check(ALL[0])).width == 600
        assert is_gone(pid)


async def test_a_job_whose_workers_hang_twice_is_a_server_error() -> None:
    async with Decoder(DecoderSettings(seconds=0.5)) as decoder:
        await warm(decoder)
        job = asyncio.create_task(decoder.check(SLOW))
        stopped: set[int] = set()
        while len(stopped) < 2:
            await until(lambda: set(pids(decoder)) - stopped, every=0.002)
            stopped.update(pids(decoder))
            os.kill(pids(decoder)[0], signal.SIGSTOP)
        with pytest.raises(DecoderUnavailable, match="no worker finishes"):
            await job
        assert all(is_gone(pid) for pid in stopped)
        assert (await decoder.check(pictures.one_bit_png(8, 8))).width == 8


async def test_a_worker_that_hangs_once_and_dies_once_is_a_server_error() -> None:
    async with Decoder(DecoderSettings(seconds=0.5)) as decoder:
        pid = await warm(decoder)
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(decoder.check(SLOW))
        await until(lambda: set(pids(decoder)) - {pid}, every=0.002)
        os.kill(pids(decoder)[0], signal.SIGKILL)
        with pytest.raises(DecoderUnavailable):
            await job


async def test_a_picture_that_takes_too_long_is_invalid_and_the_next_one_is_not() -> None:
    async with Decoder(DecoderSettings(seconds=0.03)) as decoder:  # a small picture takes a tenth of that
        with pytest.raises(InvalidPicture) as fault:
            await decoder.compose([pictures.one_bit_png(8, 8), SLOW])
        assert (fault.value.index, fault.value.code) == (1, "too_slow")
        assert (await decoder.check(pictures.one_bit_png(8, 8))).width == 8


async def test_a_picture_that_takes_too_much_memory_is_invalid_and_the_worker_continues() -> None:
    async with Decoder(DecoderSettings(memory_mb=64)) as decoder:
        pid = await warm(decoder)
        with pytest.raises(InvalidPicture) as fault:
            await decoder.compose([ALL[0], SLOW])
        assert (fault.value.index, fault.value.code) == (1, "too_large")
        assert len((await decoder.compose(ALL[:2])).examples) == 2
        assert pids(decoder) == (pid,)


@pytest.mark.parametrize("workers", [1, 2])
async def test_concurrent_jobs_share_the_workers_and_get_their_own_results(workers: int) -> None:
    async with Decoder(DecoderSettings(workers=workers)) as decoder:
        found = await asyncio.gather(*(decoder.check(ALL[n % 5]) for n in range(20)))
        sizes = [pictures.opened(data).size for data in ALL]
        assert [(one.width, one.height) for one in found] == [sizes[n % 5] for n in range(20)]
        assert len(pids(decoder)) == workers


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_pictures_of_one_developer_delay_another_by_what_has_begun(workers: int) -> None:
    done = list[str]()

    async def check(decoder: Decoder, developer: str) -> None:
        await decoder.check(SLOW if developer == "heavy" else ALL[0], developer=developer)
        done.append(developer)

    async with Decoder(DecoderSettings(workers=workers)) as decoder, asyncio.TaskGroup() as group:
        for developer in (*["heavy"] * 8, *["modest"] * 2):
            group.create_task(check(decoder, developer))
    assert done.index("modest") <= workers
    assert len(done) - done[::-1].index("modest") <= workers + 3


async def test_a_cancelled_job_terminates_its_worker() -> None:
    async with Decoder(DecoderSettings()) as decoder:
        pid = await warm(decoder)
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(decoder.compose(ALL))
        await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert is_gone(pid)
        assert (await decoder.check(ALL[0])).width == 600


async def test_closing_ends_all_workers_and_waiting_jobs() -> None:
    decoder = Decoder(DecoderSettings())
    pid = await warm(decoder)
    os.kill(pid, signal.SIGSTOP)
    jobs = [asyncio.create_task(decoder.check(ALL[0])) for _ in range(3)]
    await asyncio.sleep(0)
    await decoder.close()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DecoderUnavailable] * 3
    assert is_gone(pid)


async def test_closing_while_a_worker_starts_leaves_no_process() -> None:
    decoder = Decoder(DecoderSettings())
    job = asyncio.create_task(decoder.check(ALL[0]))
    await asyncio.sleep(0)
    await decoder.close()
    with pytest.raises(DecoderUnavailable):
        await job
    assert pids(decoder) == ()


async def test_a_worker_that_cannot_start_is_a_server_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with Decoder(DecoderSettings()) as decoder:
        with pytest.raises(DecoderUnavailable, match="does not start"):
            await decoder.check(ALL[0])


async def test_a_decoder_works_on_the_loop_of_another_thread() -> None:
    async def elsewhere() -> tuple[int, int]:
        async with Decoder(DecoderSettings()) as decoder:
            return (await decoder.compose(ALL)).width, await warm(decoder)

    width, pid = await asyncio.to_thread(asyncio.run, elsewhere())
    assert width == 600
    assert is_gone(pid)


async def test_a_worker_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEMPLAR_JWT_SECRET", "a secret of the gateway")
    async with Decoder(DecoderSettings()) as decoder:
        pid = await warm(decoder)
        assert environment_of(pid) == {"PYTHONPATH"}


async def test_a_hanging_worker_ends_with_its_parent() -> None:
    program = (
        "import asyncio, os, signal\n"
        "from actors.imaging.decoder import Decoder, DecoderSettings\n"
        "from tests.builders import pictures\n"
        "async def main():\n"
        "    decoder = Decoder(DecoderSettings())\n"
        "    await decoder.check(pictures.one_bit_png(8, 8))\n"
        "    pid = decoder._clients[0]._process.pid\n"
        "    os.kill(pid, signal.SIGSTOP)\n"
        "    print(pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE, cwd=ROOT)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert not is_dead(pid)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until(lambda: is_dead(pid), every=0.002)
