"""Live one seed: faults for a while, then calm until everything rests, then the oracles."""

import asyncio
import gc
import logging
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn
from unittest.mock import patch

import structlog

from store.commits import repository
from tests.simulation.loop import SimulationLoop, run
from tests.simulation.oracles import at_rest, histories, may_rest, violations
from tests.simulation.servers import Servers
from tests.simulation.world import World

_FAULTS_LAST = 60.0
_CALM_LASTS = 45 * 60.0
_LOOK_EVERY = 5.0
_GENERATIONS = 3


@dataclass(frozen=True)
class Life:
    """What came of a seed; equal seeds have equal digests."""

    seed: int
    violations: tuple[str, ...]
    digest: str
    steps: int
    seconds: float
    kills: int
    generations: int
    completed: int
    turns: int = 0


def live(seed: int, servers: Callable[[], Servers] = Servers) -> Life:
    """Simulate one seed, within `silence`."""
    chance = random.Random(seed)
    # The jitter of back-offs; the threads of MongoDB's driver draw from the global generator, too.
    with patch.object(repository, "random", random.Random(seed)):
        return run(lambda loop: _life(seed, loop, chance, servers()), chance)  # type: ignore[no-any-return]


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing, and clear up only between lives: clearing up ends the coroutines of killed processes."""
    before, hook = structlog.get_config(), sys.unraisablehook
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), processors=[_drop])
    sys.unraisablehook = lambda _: None
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # coroutines that never began
        try:
            yield
        finally:
            gc.collect()
            gc.enable()
            sys.unraisablehook = hook
            structlog.configure(**before)


def lives(seeds: Iterable[int], servers: Callable[[], Servers] = Servers) -> Iterator[Life]:
    """Simulate seeds one after the other."""
    with silence():
        for number, seed in enumerate(seeds):
            yield live(seed, servers)
            if number % 50 == 49:
                gc.collect()


def all_lives(seeds: range) -> list[Life]:
    return list(lives(seeds))


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


async def _life(seed: int, loop: SimulationLoop, chance: random.Random, servers: Servers) -> Life:
    world = World(loop, chance, servers)
    clients = [loop.create_task(world.client(number)) for number in range(_GENERATIONS)]
    loop.create_task(world.operator(random.Random(f"operator {seed}")))
    await asyncio.sleep(_FAULTS_LAST)
    world.network.calm = True
    for client in clients:
        await client
    calm_from = loop.time()
    while loop.time() < calm_from + _CALM_LASTS:
        if may_rest(world) and at_rest(world, histories(world)):
            break
        await asyncio.sleep(_LOOK_EVERY)
    found = histories(world)
    wrong = violations(world, found)
    completed = len([one for one in found if one.generation.status == "completed"])
    return Life(
        seed,
        tuple(wrong),
        world.trace.hexdigest(),
        loop.steps,
        loop.time(),
        world.kills,
        len(found),
        completed,
        servers.ledger.granted,
    )
