import asyncio
import time
from collections.abc import Callable
from typing import Any


async def until(
    true: Callable[[], Any], what: str = "the condition", *, within: float = 30.0, every: float = 0.05
) -> Any:
    """Call `true`, which may be async, until its result is truthy; return it. Fail after `within` seconds.

    The first calls follow each other faster than `every` seconds; each may cost as much as a request.
    """
    began = time.monotonic()
    while True:
        result = true()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        passed = time.monotonic() - began
        assert passed < within, f"not within {within:.0f} s: {what}"
        await asyncio.sleep(min(every, 0.01 + passed / 8))
