"""The client of one decoder worker process: start it, send it requests, terminate it.

InvalidPicture        the picture is at fault: the generation fails
DecoderUnavailable    the service is at fault: no worker process starts or answers

A picture is at fault when it exceeds its processor time or memory, or when two workers die of it; never for
wall-clock time, which depends on the machine.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Literal

import structlog

from actors.metrics import DECODER_DEATHS
from metrics.metrics import NO_METRICS, Metrics

log = structlog.get_logger()

Fault = Literal["corrupt", "too_slow", "too_large", "crashed"]
Death = Literal["crashed", "stuck"]
"""How a worker ended that may work when started again; a stuck one was killed."""
Json = dict[str, Any]

REASONS: Final[dict[Fault, str]] = {
    "corrupt": "The picture is truncated or corrupt.",
    "too_slow": "The picture takes too long to decode.",
    "too_large": "The picture takes too much memory to decode.",
    "crashed": "The picture cannot be decoded.",
}

# Wall-clock seconds for each second of processor time, and some more for a busy machine.
_WALL_FACTOR: Final = 3.0
_MORE_SECONDS: Final = 2.0
_START_SECONDS: Final = 30.0
_CHUNK: Final = 256 * 1024
# Larger than any real answer: a worker that a picture has taken over cannot fill the memory of this process.
_MAX_ANSWER: Final = 1024 * 1024


class InvalidPicture(Exception):  # noqa: N818 - a result, no malfunction
    """Picture ``index`` cannot be decoded within the limits; ``reason`` may be shown to users."""

    def __init__(self, index: int, code: Fault) -> None:
        super().__init__(f"picture {index}: {code}")
        self.index = index
        self.code = code
        self.reason = REASONS[code]


class DecoderUnavailable(Exception):  # noqa: N818 - named like the result beside it
    """No worker process starts or answers in time, or the decoder is closed; retry later."""

    holds_no_data = True


class DecoderClient:
    """Owns one worker process, started when first needed; serves one caller at a time.

    ``seconds`` of processor time for each picture; ``memory_mb`` in MiB beyond what the worker itself needs.
    """

    def __init__(self, seconds: float, memory_mb: int, metrics: Metrics = NO_METRICS) -> None:
        self._metrics = metrics
        self._seconds = seconds
        self._timeout = seconds * _WALL_FACTOR + _MORE_SECONDS
        self._memory_mb = memory_mb
        self._process: Process | None = None
        self._at = 0
        self._closed = False

    async def ask(self, request: Json, pictures: Sequence[bytes]) -> tuple[Json, bytes]:
        """Send a request, once more if the worker dies or does not answer; return the answer and its data.

        Raises InvalidPicture or DecoderUnavailable.
        """
        first = await self._attempt(request, pictures)
        if isinstance(first, tuple):
            return first
        log.warning("decoder_worker_died", death=first, picture=self._at)
        second = await self._attempt(request, pictures)
        if isinstance(second, tuple):
            return second
        log.warning("decoder_worker_died", death=second, picture=self._at)
        if (first, second) == ("crashed", "crashed"):
            raise InvalidPicture(self._at, "crashed")
        raise DecoderUnavailable(f"no worker finishes picture {self._at}")

    async def close(self) -> None:
        self._closed = True
        await self._terminate()

    async def _attempt(self, request: Json, pictures: Sequence[bytes]) -> tuple[Json, bytes] | Death:
        """Return the answer, or how the worker ended when a second try may succeed."""
        process = await self._running()
        try:
            await self._send(process, request, pictures)
            return await self._answer(process)
        except InvalidPicture:
            raise
        except TimeoutError:
            await self._terminate()
            self._metrics.count(DECODER_DEATHS, "stuck")
            return "stuck"
        except (OSError, EOFError, ValueError):
            return self._died_of(await self._terminate())
        except BaseException:  # cancelled: the answer has no receiver
            await self._terminate()
            raise

    def _died_of(self, code: int | None) -> Death:
        if code == -signal.SIGPROF:
            self._metrics.count(DECODER_DEATHS, "too_slow")
            raise InvalidPicture(self._at, "too_slow")
        self._metrics.count(DECODER_DEATHS, "crashed")
        return "crashed"

    async def _running(self) -> Process:
        if self._closed:
            raise DecoderUnavailable("the decoder is closed")
        if self._process is None:
            self._process = await self._started()
        if self._closed:  # meanwhile
            await self._terminate()
            raise DecoderUnavailable("the decoder is closed")
        return self._process

    async def _started(self) -> Process:
        arguments = (os.getpid(), self._seconds, self._memory_mb)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "actors.imaging.decoder_worker", *map(str, arguments)),
            stdin=PIPE,
            stdout=PIPE,
            env=_bare_environment(),
            start_new_session=True,  # Ctrl-C must not reach the worker
        )
        try:
            await self._frame(process, _START_SECONDS)
        except BaseException as fault:
            await _ended(process)
            if isinstance(fault, OSError | EOFError):
                raise DecoderUnavailable(f"the worker does not start: {process.returncode}") from fault
            raise
        return process

    async def _send(self, process: Process, request: Json, pictures: Sequence[bytes]) -> None:
        """Write in small pieces, so that no second copy of a picture waits in a buffer."""
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._at = 0
        for content in (json.dumps(request | {"pictures": len(pictures)}).encode(), *pictures):
            process.stdin.write(len(content).to_bytes(4, "big"))
            for start in range(0, len(content), _CHUNK):
                process.stdin.write(memoryview(content)[start : start + _CHUNK])
                async with asyncio.timeout(self._timeout):
                    await process.stdin.drain()

    async def _answer(self, process: Process) -> tuple[Json, bytes]:
        while True:
            match json.loads(await self._frame(process, self._timeout)):
                case {"at": int(index)}:
                    self._at = index
                case {"refused": {"index": int(index), "code": "corrupt" | "too_large" as code}}:
                    raise InvalidPicture(index, code)
                case {"done": dict(done)}:
                    return done, await self._frame(process, self._timeout)
                case other:
                    raise ValueError(f"not an answer of a decoder worker: {sorted(other)}")

    async def _frame(self, process: Process, seconds: float) -> bytes:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        async with asyncio.timeout(seconds):
            length = int.from_bytes(await process.stdout.readexactly(4), "big")
            if length > _MAX_ANSWER:
                raise ValueError(f"an answer of {length} bytes")
            return await process.stdout.readexactly(length)

    async def _terminate(self) -> int | None:
        process, self._process = self._process, None
        return await _ended(process) if process else None


async def _ended(process: Process) -> int:
    """Kill a process that runs and wait for it; one that has closed its pipes is about to end by itself."""
    with suppress(TimeoutError):
        if process.stdout and process.stdout.at_eof():
            return await asyncio.wait_for(process.wait(), 1)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)  # Process.kill would race with the loop's own waitpid
    return await process.wait()


def _bare_environment() -> dict[str, str]:
    """Give the worker the import path and no secrets."""
    return {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}  # noqa: PTH109
