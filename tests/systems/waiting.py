import asyncio
import time
from collections.abc import Callable
from typing import Any


async def until(true: Callable[[], Any], what: str, *, within: float = 30.0, every: float = 0.05) -> Any:
    """Call `true`, which may be async, until its result is truthy; return it. Fail after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        result = true()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        await asyncio.sleep(every)
