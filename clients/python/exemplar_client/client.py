"""The two clients: one waits in its thread, the other awaits on an event loop."""

from collections.abc import AsyncGenerator, Generator
from functools import cached_property
from typing import Any

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


def _feed(project_id: str | None) -> str:
    return f"{ALL}/events" if project_id is None else f"/api/v1/projects/{project_id}/events"
