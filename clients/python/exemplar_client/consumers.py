"""Consumers of a project's events: lease, handle, acknowledge, in a loop that outlives every interruption."""

from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from exemplar_client.errors import ApiError, ClientError
from exemplar_client.flow import Flow, Pause
from exemplar_client.requests import Requests
from exemplar_client.resources import Event
from exemplar_client.runner import BaseAsyncClient, BaseClient

_TAKEN: Final = ("consumer_leased", "lease_lost")  # by another program, now or before the answer was written
_RETRY_AFTER_S: Final = 1.0


class LeasedReader:
    """The leases of one consumer: `seconds` long, of at most `limit` commits, after `wait` seconds without an event."""

    def __init__(
        self, requests: Requests, project_id: str, name: str, *, limit: int, seconds: int, wait: int, forever: bool
    ) -> None:
        self._requests = requests
        self._path = "/".join(["/api/v1/projects", quote(project_id, safe=""), "consumers", quote(name, safe="")])
        self._asked = {"limit": limit, "seconds": seconds, "wait": wait}
        self._forever = forever
        self._lease: str | None = None
        self._cursor: str | None = None
        self._renewed_at = 0.0
        self.finished = False

    def lease(self) -> Flow[list[Event]]:
        """Lease the next events; none where there are none, and those of a lost answer after the end of its lease."""
        while True:
            try:
                leased = yield from self._post("lease", self._asked)
                break
            except ApiError as error:
                if error.code not in _TAKEN:
                    raise
                yield Pause(error.retry_after or _RETRY_AFTER_S)
        self._lease, self._cursor, self._renewed_at = leased["lease"], None, self._requests.clock()
        events = [Event(one["cursor"], one["type"], one) for one in leased["events"]]
        self.finished = not events and not leased["more"] and not self._forever
        return events

    def handled(self, event: Event) -> Flow[bool]:
        """Note a handled event, and keep the lease when half of it is over; False when it was lost."""
        self._cursor, now = event.position, self._requests.clock()
        if now - self._renewed_at < self._asked["seconds"] / 2:
            return True
        kept = yield from self._acknowledge({"extend": self._asked["seconds"]})
        self._renewed_at = now
        return kept

    def end(self) -> Flow[None]:
        """Acknowledge what was handled, and end the lease."""
        if self._lease is not None:
            yield from self._acknowledge({})
        self._lease = None

    def _acknowledge(self, more: dict[str, Any]) -> Flow[bool]:
        """Move the consumer to the last handled event; False where another program has the lease."""
        handled = {} if self._cursor is None else {"cursor": self._cursor}
        try:
            yield from self._post("acknowledge", {"lease": self._lease, **handled, **more})
        except ApiError as error:
            if error.code != "lease_lost":
                raise
            self._lease = None
            return False
        return True

    def _post(self, action: str, body: dict[str, Any]) -> Flow[Any]:
        return (yield from self._requests.json("POST", f"{self._path}/{action}", json=body))


def consume(client: BaseClient, reader: LeasedReader) -> Generator[Event, None, None]:
    """Yield events; one is handled when the next is asked for."""
    while not reader.finished:
        events = client.run(reader.lease())
        try:
            for event in events:
                yield event
                if not client.run(reader.handled(event)):
                    break
        except GeneratorExit:
            with suppress(ClientError):
                client.run(reader.end())
            raise
        client.run(reader.end())


async def aconsume(client: BaseAsyncClient, reader: LeasedReader) -> AsyncGenerator[Event, None]:
    """Yield events; one is handled when the next is asked for."""
    while not reader.finished:
        events = await client.arun(reader.lease())
        try:
            for event in events:
                yield event
                if not await client.arun(reader.handled(event)):
                    break
        except GeneratorExit:
            with suppress(ClientError):
                await client.arun(reader.end())
            raise
        await client.arun(reader.end())
