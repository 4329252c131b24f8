"""The raw responses of the official client, as they arrive."""

from contextvars import ContextVar

import httpx

captured: ContextVar[list[httpx.Response] | None] = ContextVar("captured", default=None)
"""Where the responses to the calls of this context are put."""


async def capture(response: httpx.Response) -> None:
    """Read a response whole, and keep it where its caller asks for it; a hook of httpx."""
    responses = captured.get()
    if responses is not None:
        await response.aread()
        # httpx's stream names its response: only the garbage collector would free a list, which takes megabytes.
        response.stream = httpx.ByteStream(b"")
        responses.append(response)
