"""A client of server-sent events that reconnects with its last id, as browsers do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientResponse, ClientSession
from pydantic_core import from_json

EVENT_STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Frame:
    id: str | None
    event: str
    data: Any


class Stream:
    """An open stream; `comments` counts keep-alives, `retry` is the server's value in milliseconds."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.comments = 0
        self.retry: int | None = None

    async def next(self) -> Frame | None:
        """Return the next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        while line := (await self.response.content.readline()).decode():
            line = line.rstrip("\n")
            if not line and "data" in fields:
                return Frame(fields.get("id"), fields.get("event", "message"), from_json(fields["data"]))
            name, _, value = line.partition(":")
            if line.startswith(":"):
                self.comments += 1
            elif name == "retry":
                self.retry = int(value)
            elif line:
                fields[name] = value.removeprefix(" ")
        return None

    async def until(self, event: str) -> list[Frame]:
        """Read up to an event of this type; the frames before it, and itself."""
        frames = []
        while frame := await self.next():
            frames.append(frame)
            if frame.event == event:
                return frames
        raise AssertionError(f"the stream ended without {event}: {[frame.event for frame in frames]}")

    async def rest(self) -> list[Frame]:
        """Read to the end."""
        frames = []
        while frame := await self.next():
            frames.append(frame)
        return frames


@asynccontextmanager
async def opened(
    session: ClientSession, url: str, headers: Mapping[str, str], *, last_id: str | None = None
) -> AsyncIterator[Stream]:
    """Open a stream; the response must be one."""
    resumed = {} if last_id is None else {"Last-Event-ID": last_id}
    async with session.get(url, headers={**headers, **EVENT_STREAM, **resumed}) as response:
        assert response.status == 200, (response.status, await response.text())
        assert response.content_type == "text/event-stream"
        yield Stream(response)


def new_session() -> ClientSession:
    return ClientSession(
        timeout=aiohttp.ClientTimeout(total=30), connector=aiohttp.TCPConnector(limit=0, force_close=True)
    )
