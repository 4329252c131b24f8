"""Clocks jump by an hour, and processes are suspended and continue.

The clock of the machine stays: libfaketime moves the wall clock of one process, and of its decoders, while it runs.
Its monotonic clock, and the clocks of provider and servers, stay right.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
FAKETIME = str(_LIBRARY) if _LIBRARY.is_file() else None
CREATES = (None, "drop_after_commit", "hang", "500", "truncated")
STEP_S = 3600
# Long enough for a claim to end and for its search, by the clock that jumped.
SETTLING_S = 6.0
FROZEN_S = 40.0


@dataclass(frozen=True)
class MovedClock:
    """The wall clock of one process, as the file that libfaketime reads says."""

    file: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": FAKETIME or "",
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, seconds: int) -> None:
        """Set the clock to so many seconds after the right time."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self.file)


async def move_clocks(scene: Scene) -> None:
    """16: a clock jumps by an hour and back under load; worker and gateway are suspended for 40 s during calls."""
    if FAKETIME:
        await _step_clock(scene)
    else:
        scene.notes.append("no clock jumps: libfaketime is missing (apt install faketime)")
    await _suspend(scene)


async def _step_clock(scene: Scene) -> None:
    name, direction = scene.rng.choice(OURS), scene.rng.choice((1, -1))
    # What a gateway accepts whose clock is an hour behind has missed its deadlines: no call is made.
    create = {} if (name, direction) == ("gateway", -1) else {"create": scene.rng.choice(CREATES)}
    async with _own_clock(scene, name) as clock:
        async with scene.load(LOAD, **create):
            clock.step(direction * STEP_S)
        await asyncio.sleep(SETTLING_S)
        async with scene.load(LOAD, **create):
            clock.step(0)


@asynccontextmanager
async def _own_clock(scene: Scene, name: str) -> AsyncIterator[MovedClock]:
    """Give a process a clock of its own; afterwards it starts again with that of the machine."""
    clock = MovedClock(scene.system.home / f"{name}.clock")
    clock.step(0)
    scene.system.kill(name)
    scene.system.program(name, name, **clock.environ)
    await scene.system.restart(name)
    try:
        yield clock
    finally:
        scene.system.kill(name)
        await scene.system.run_again(name)
        await scene.log_in()


async def _suspend(scene: Scene) -> None:
    async with scene.load(LOAD, create=scene.rng.choice(CREATES)):
        await asyncio.gather(*(scene.system.freeze(name, seconds=FROZEN_S) for name in ("worker", "gateway")))


ROWS: Mapping[str, Row] = {
    "16": move_clocks,
}
