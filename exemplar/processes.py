"""Run a process: open its resources in order, until a signal ends it."""

import asyncio
import gc
import resource
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from pydantic_settings import BaseSettings

from actors.providers.registry import ProviderSettings
from exemplar.environment import read, read_all
from exemplar.injection import Dependencies
from exemplar.settings import PROCESS_SETTINGS
from exemplar.stopping import StopLimit
from exemplar.wiring import PROCESSES, Opener, dependencies_of

_GARBAGE_THRESHOLDS = 10_000, 20, 50  # objects, and how many collections of a generation before the next older one

log = structlog.get_logger()


@asynccontextmanager
async def open_resources(resources: Mapping[str, Opener], dependencies: Dependencies) -> AsyncIterator[Dependencies]:
    """Open resources in order, each with what it names, and provide each under its name."""
    async with AsyncExitStack() as stack:
        for name, opener in resources.items():
            opened = await stack.enter_async_context(dependencies.call(opener))
            dependencies.set(**{name: opened})
        yield dependencies


def use_all_descriptors() -> None:
    """Raise the limit of open files to what the system allows, because each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):  # macOS has a lower limit than it tells
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def collect_garbage_less_often() -> None:
    """Exempt what the start made from garbage collection, and look for cycles among new objects more rarely.

    The defaults of Python walk all modules, schemas and routes again and again for the few cycles of requests.
    """
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()


def read_settings(name: str) -> dict[str, BaseSettings]:
    """Read the settings of a process by their names; raise ConfigurationError for the first wrong one."""
    return read_all((*PROCESS_SETTINGS[name], *read(ProviderSettings).adapter.settings))


async def run(name: str, **given: object) -> None:
    """Run a process until SIGINT or SIGTERM, then close what it opened in the reverse order, in bounded time.

    What is `given` by name, its settings among them, replaces what the wiring would make.
    """
    stopping, limit = asyncio.Event(), StopLimit()

    def stop() -> None:
        limit.begin()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with open_resources(PROCESSES[name], dependencies_of(process_name=name, **given)):
        collect_garbage_less_often()
        log.info("ready")
        await stopping.wait()
        log.info("stopping")
    limit.closed()
