"""Event streams that are gone on with: each event once, in order, across every break."""

import json
from collections.abc import Generator, Iterator

import httpx

from exemplar_client.errors import UnknownPositionError
from exemplar_client.frames import Frame, frames
from exemplar_client.resources import Event
from exemplar_client.session import Session

FINAL = frozenset({"generation.completed", "generation.failed"})
_SPOKEN = frozenset({"caught_up", "goodbye", "message"})  # of the stream itself, no events


class Follower:
    """Reads one stream from a position on, until a 204 or, where it `ends`, the end behind a final event.

    Whatever breaks the connection, the next one begins behind the last event that arrived whole.
    """

    def __init__(self, session: Session, path: str, position: str | None, *, ends: bool) -> None:
        self._session, self._path = session, path
        self._position = position
        self._ends, self._over = ends, False
        self._failures, self._retry = 0, 2.0

    def follow(self) -> Generator[Event, None, None]:
        """Give each event once, in order; `close()` of what is returned closes the connection."""
        while not self._over:
            answer: httpx.Response | None = None
            lost: httpx.TransportError | None = None
            try:
                with self._session.stream(self._path, self._headers) as answer:
                    yield from self._read(answer)
            except httpx.TransportError as error:
                lost = error
            if not self._over:
                self._failures += 1
                refused = answer if answer is not None and answer.is_error else None
                self._session.pause(self._failures, refused, lost, least=self._retry)

    @property
    def _headers(self) -> dict[str, str]:
        last = {} if self._position is None else {"Last-Event-ID": self._position}
        return {"Accept": "text/event-stream", **last}

    def _read(self, answer: httpx.Response) -> Iterator[Event]:
        self._over = answer.status_code == 204
        if not answer.is_success or self._over:
            return
        final = False
        for frame in frames(answer.iter_bytes()):
            self._failures = 0
            event = self._heard(frame)
            if event is not None:
                final = final or event.type in FINAL
                yield event
        self._over = final and self._ends

    def _heard(self, frame: Frame) -> Event | None:
        """Note what a frame says about the stream; return what it says to the reader."""
        if frame.event == "reset":
            raise UnknownPositionError(f"{self._position!r} is no position of {self._path}")
        self._retry = self._retry if frame.retry is None else frame.retry / 1000
        self._position = frame.id or self._position
        if frame.event in _SPOKEN:
            return None
        return Event(self._position or "", frame.event, json.loads(frame.data))
