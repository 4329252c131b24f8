"""Run the function of a command with the store's adapters that it names as parameters."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from exemplar.commands.store_access import open_store

Result = TypeVar("Result")


def run_on_store(
    function: Callable[..., Awaitable[Result]], *, holder: str, home: Path | None = None
) -> Result:
    """Call an async function on the store of the environment, or of a running `exemplar up` in `home`.

    Raises ConfigurationError when MongoDB cannot be reached.
    """
    return asyncio.run(_run(function, holder, home))


async def _run(function: Callable[..., Awaitable[Result]], holder: str, home: Path | None) -> Result:
    async with open_store(home, holder=holder) as store:
        return await store.call(function)
