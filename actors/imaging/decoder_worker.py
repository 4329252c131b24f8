"""The worker process with limits in which untrusted pictures are decoded.

    python -m actors.imaging.decoder_worker PARENT_PID SECONDS MEMORY_MB

It speaks frames over stdin and stdout: four bytes of length (big endian), then the content.

    request   {"do": "compose", "mode": ..., "pictures": n} or {"do": "check", "pictures": 1},
              then a frame for each picture
    answer    {"at": index} for each picture as its time starts, but not for the first of a request, which starts at
              once; at last {"refused": {"index", "code"}}, or {"done": {...}} and a frame of data (empty for a check)

Its first frame is {"ready": true}. It ends with its parent, at the end of stdin, or by SIGPROF when a picture
takes more processor time than it may.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from PIL import Image

from actors.imaging.compositor import compose
from actors.imaging.decoded_image import DecodedImage, check
from domain.submission.image_header import DimensionsExceeded

_PR_SET_PDEATHSIG: Final = 1
# malloc.h: memory of one picture is kept for the next, instead of being mapped and cleared again.
_KEPT_MEMORY: Final = {-1: 64 * 2**20, -3: 32 * 2**20}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_PIPE_BYTES: Final = 2**20

Json = dict[str, Any]


def main(parent: int, seconds: float, memory_mb: int) -> None:
    """Serve until stdin ends: ``seconds`` of processor time a picture, ``memory_mb`` beyond the start's."""
    _die_with(parent)
    _limit_memory(memory_mb)
    _tune()
    warnings.simplefilter("ignore")  # Pillow warns about odd pictures
    Image.preinit()  # imports must not count as a picture's time
    _write(_json({"ready": True}))
    while asked := _read():
        _serve(json.loads(asked), seconds)


def _serve(request: Json, seconds: float) -> None:
    at, is_first = 0, True

    def announce(index: int) -> None:
        nonlocal at, is_first
        if not is_first:
            _write(_json({"at": index}))
        at, is_first = index, False
        signal.setitimer(signal.ITIMER_PROF, seconds)

    try:
        done, data = _work(request, announce)
    except Exception as fault:  # noqa: BLE001 - a bad picture raises about everything there is
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(_json({"refused": {"index": at, "code": _code(fault)}}))
    else:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(_json({"done": done}), data)


def _work(request: Json, announce: Callable[[int], None]) -> tuple[Json, bytes]:
    pictures = [_read() for _ in range(request["pictures"])]
    if request["do"] == "check":
        announce(0)
        return check(pictures[0])._asdict(), b""
    made = compose(request["mode"], pictures, announce)
    width, height = made.size
    examples = [_described(one) for one in made.decoded]
    return {"width": width, "height": height, "mode": made.plan.mode, "examples": examples}, made.data


def _described(one: DecodedImage) -> Json:
    return {name: value for name, value in one._asdict().items() if name not in {"image", "profile"}}


def _code(fault: Exception) -> str:
    if isinstance(fault, MemoryError | DimensionsExceeded):
        return "too_large"
    return "corrupt"


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent dies; it may have died before."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _limit_memory(megabytes: int) -> None:
    """Cap the address space; a picture never lands in a core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _tune() -> None:
    """Let a whole picture fit into a pipe, and keep freed memory; where the system cannot, work is only slower."""
    for file in (sys.stdin, sys.stdout):
        with suppress(OSError, AttributeError):
            fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    for option, size in _KEPT_MEMORY.items():
        with suppress(AttributeError):
            ctypes.CDLL(None).mallopt(option, size)


def _read() -> bytes:
    length = int.from_bytes(sys.stdin.buffer.read(4), "big")
    return sys.stdin.buffer.read(length)


def _json(message: Json) -> bytes:
    return json.dumps(message).encode()


def _write(*frames: bytes) -> None:
    """Write frames at once: each write wakes the service."""
    sys.stdout.buffer.write(b"".join(part for frame in frames for part in (len(frame).to_bytes(4, "big"), frame)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
