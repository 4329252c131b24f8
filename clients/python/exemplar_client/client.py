"""The two clients: one waits in its thread, the other awaits on an event loop."""

from collections.abc import AsyncGenerator, Generator
from functools import cached_property
from typing import Any

from exemplar_client.consumers import LeasedReader, aconsume, consume
from exemplar_client.events import EventReader, aread_events, read_events
from exemplar_client.generations import ALL, GenerationMethods
from exemplar_client.operations import AsyncOperations, SyncOperations
from exemplar_client.resources import Event, Generation
from exemplar_client.runner import BaseAsyncClient, BaseClient

_MOST = 100


class Client(GenerationMethods, BaseClient):
    """Calls the API and waits for its answers; `api` has every operation under a name of its own."""

    @cached_property
    def api(self) -> SyncOperations:
        """Every operation of the API."""
        return SyncOperations(self)

    def all(self, **filters: Any) -> Generator[Generation, None, None]:
        """Read all generations that match, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self.after(cursor, limit=_MOST, **filters)
            yield from page["generations"]
            if (cursor := page.get("next_cursor")) is None:
                return

    def events(self, generation_id: str, *, after: int = 0) -> Generator[Event, None, None]:
        """Read each event of a generation after version `after` once, in order, to its end."""
        return read_events(self, EventReader(f"{ALL}/{generation_id}/events", str(after), ends=True))

    def feed(self, *, after: str | None = None, project_id: str | None = None) -> Generator[Event, None, None]:
        """Read the events of all generations of the user, or as a developer of a project, without end.

        Resumes after the position of an earlier event; `"0"` is before the first. Without a position it
        begins with a `snapshot` of the 20 generations that changed last.
        """
        return read_events(self, EventReader(_feed(project_id), after, ends=False))

    def consume(
        self,
        project_id: str,
        name: str,
        *,
        limit: int = 100,
        seconds: int = 60,
        wait: int = 20,
        forever: bool = True,
    ) -> Generator[Event, None, None]:
        """Read the events of a project from a consumer of that name, which exists; as a developer, at least once each.

        An event is handled when the next one is asked for; handled ones are acknowledged, at the latest when half of
        the lease of `seconds` is over. Without an event it waits, or ends where not `forever`.
        """
        reader = LeasedReader(self.requests, project_id, name, limit=limit, seconds=seconds, wait=wait, forever=forever)
        return consume(self, reader)


class AsyncClient(GenerationMethods, BaseAsyncClient):
    """Calls the API and awaits its answers; `api` has every operation under a name of its own."""

    @cached_property
    def api(self) -> AsyncOperations:
        """Every operation of the API."""
        return AsyncOperations(self)

    async def all(self, **filters: Any) -> AsyncGenerator[Generation, None]:
        """Read all generations that match, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = await self.after(cursor, limit=_MOST, **filters)
            for generation in page["generations"]:
                yield generation
            if (cursor := page.get("next_cursor")) is None:
                return

    def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """Read each event of a generation after version `after` once, in order, to its end."""
        return aread_events(self, EventReader(f"{ALL}/{generation_id}/events", str(after), ends=True))

    def feed(self, *, after: str | None = None, project_id: str | None = None) -> AsyncGenerator[Event, None]:
        """Read the events of all generations of the user, or as a developer of a project, without end.

        Resumes after the position of an earlier event; `"0"` is before the first. Without a position it
        begins with a `snapshot` of the 20 generations that changed last.
        """
        return aread_events(self, EventReader(_feed(project_id), after, ends=False))

    def consume(
        self,
        project_id: str,
        name: str,
        *,
        limit: int = 100,
        seconds: int = 60,
        wait: int = 20,
        forever: bool = True,
    ) -> AsyncGenerator[Event, None]:
        """Read the events of a project from a consumer of that name, which exists; as a developer, at least once each.

        An event is handled when the next one is asked for; handled ones are acknowledged, at the latest when half of
        the lease of `seconds` is over. Without an event it waits, or ends where not `forever`.
        """
        reader = LeasedReader(self.requests, project_id, name, limit=limit, seconds=seconds, wait=wait, forever=forever)
        return aconsume(self, reader)


def _feed(project_id: str | None) -> str:
    return f"{ALL}/events" if project_id is None else f"/api/v1/projects/{project_id}/events"
