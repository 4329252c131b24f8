"""Run the function of a command with the store's adapters that it names as parameters."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from exemplar.clock import now
from exemplar.commands.store_access import store_settings
from exemplar.environment import ConfigurationError
from exemplar.injection import Dependencies
from store.adapters import ADAPTERS
from store.errors import StoreError
from store.mongo.connection import open_database

Result = TypeVar("Result")


def run_on_store(
    function: Callable[..., Awaitable[Result]], *, holder: str, home: Path | None = None
) -> Result:
    """Call an async function on the store of the environment, or of a running `exemplar up` in `home`.

    Raises ConfigurationError when MongoDB cannot be reached.
    """
    return asyncio.run(_run(function, holder, home))


async def _run(function: Callable[..., Awaitable[Result]], holder: str, home: Path | None) -> Result:
    try:
        with open_database(store_settings(home)) as database:
            dependencies = Dependencies(database=database, holder=holder, clock=now)
            dependencies.provide(ADAPTERS)
            return await dependencies.call(function)
    except StoreError as error:
        setting = "EXEMPLAR_MONGODB_URL" if home is None else str(home)
        raise ConfigurationError(f"{setting}: MongoDB cannot be reached ({error}): is it running?") from error
