"""Streams of the log: lines up to its end (NDJSON), or events that go on (SSE).

A stream reads a batch, writes it, and reads on when the client has: its memory is one batch, however long the log.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, LimitError
from gateway.audit.event_pages import AuditPages, CommitBodies, ReadPlan
from gateway.audit.reader import AuditReader
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.sse import LINES, SSE, control_line, frame, json_line

_BATCH: Final = 100  # commits
_PAUSE: Final = 0.5  # seconds between reads at the end of the log
_MOST: Final = 200
_MOST_OF_DEVELOPERS: Final = 150  # the rest is for staff, whom many accounts shall not keep out
_MOST_OF_READER: Final = 5
_RETRY_AFTER: Final = 2  # seconds

Encoder = Callable[[Sequence[CommitBodies]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStreams:
    """Open streams of one process."""

    audit_pages: AuditPages
    connections: Connections
    _staff: Counter[str] = field(default_factory=Counter, init=False)
    _developers: Counter[str] = field(default_factory=Counter, init=False)

    async def send_lines(self, request: web.Request, reader: AuditReader, plan: ReadPlan) -> web.StreamResponse:
        """Send what the log holds now, an event a line; the last line is `caught_up` unless the stream was cut."""
        span = {"first": plan.range.first, "last": plan.range.last}
        with self._slot(request, reader):
            connection = await self.connections.open(request, reader.access, LINES, first=control_line("opened", span))
            try:
                reached = await self._copy(connection, plan, _lines_of)
                connection.end(control_line("caught_up", {"position": reached}))
                return await connection.ended()
            finally:
                self.connections.remove(connection)

    async def send_events(self, request: web.Request, reader: AuditReader, plan: ReadPlan) -> web.StreamResponse:
        """Send what the log holds, `caught_up`, and what is recorded from now on."""
        with self._slot(request, reader):
            connection = await self.connections.open(request, reader.access, SSE)
            try:
                reached = await self._copy(connection, plan, _frames_of)
                if not connection.closed:
                    await connection.write(frame("caught_up", {"position": reached}, identifier=str(reached)))
                await self._follow(connection, plan, reached)
                connection.end()
                return await connection.ended()
            finally:
                self.connections.remove(connection)

    async def _copy(self, connection: Connection, plan: ReadPlan | None, encode: Encoder) -> int:
        """Write a plan as fast as the client reads; return the position reached."""
        reached = 0
        while plan is not None and not connection.closed:
            page = await self.audit_pages.page(plan, limit=_BATCH)
            if page.commits and not connection.closed:
                await connection.write(encode(page.commits))
            reached, plan = page.reached, page.rest
        return reached

    async def _follow(self, connection: Connection, plan: ReadPlan, reached: int) -> None:
        """Write what is added to the log, until the stream ends or nothing can be added to its range."""
        while not plan.range.closed and not await connection.ends_within(_PAUSE):
            grown = await self.audit_pages.grown(plan, reached)
            if grown is not None:
                reached = await self._copy(connection, grown, _frames_of)

    @contextmanager
    def _slot(self, request: web.Request, reader: AuditReader) -> Iterator[None]:
        """Hold a slot of the process and of the reader."""
        opened = self._staff if reader.developer is None else self._developers
        is_full = self._staff.total() + self._developers.total() >= _MOST
        if is_full or (reader.developer is not None and self._developers.total() >= _MOST_OF_DEVELOPERS):
            raise ExemplarError(ErrorCode.SERVER_BUSY, "Too many open streams of the log. Try again later.")
        if opened[reader.name] >= _MOST_OF_READER:
            raise LimitError(ErrorCode.STREAM_LIMIT, _RETRY_AFTER)
        opened[reader.name] += 1
        try:
            with self.connections.slot(f"reader {reader.name}", reader.developer or "staff", request, stream=True):
                yield
        finally:
            opened.subtract([reader.name])
            if not opened[reader.name]:
                del opened[reader.name]


def _lines_of(commits: Sequence[CommitBodies]) -> bytes:
    return "".join(f"{json_line(event)}\n" for commit in commits for event in commit.events).encode()


def _frames_of(commits: Sequence[CommitBodies]) -> bytes:
    """Write frames; only the last one of a commit has the id, so that no event of it is lost to a reconnect."""
    return b"".join(
        frame(str(event.get("type", "damaged")), event, identifier=str(commit.position) if last else None)
        for commit in commits
        for last, event in ((number == len(commit.events), event) for number, event in enumerate(commit.events, 1))
    )
