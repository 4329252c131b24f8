"""Event streams that resume after every interruption: each event once, in order."""

import json
from collections.abc import Generator, Iterator

import httpx

from exemplar_client.errors import UnknownPositionError
from exemplar_client.frames import Frame, frames
from exemplar_client.resources import Event
from exemplar_client.session import Session

FINAL = frozenset({"generation.completed", "generation.failed"})
_CONTROL = frozenset({"caught_up", "goodbye", "message"})  # frames about the stream, not events


class EventStream:
    """Reads one stream from a position to a 204 or, where it `ends`, to the end after a final event.

    After an interruption the next connection resumes after the last event that was received whole.
    """

    def __init__(self, session: Session, path: str, position: str | None, *, ends: bool) -> None:
        self._session, self._path = session, path
        self._position = position
        self._ends, self._finished = ends, False
        self._failures, self._retry = 0, 2.0

    def read(self) -> Generator[Event, None, None]:
        """Yield each event once, in order; closing the generator closes the connection."""
        while not self._finished:
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            last = {} if self._position is None else {"Last-Event-ID": self._position}
            try:
                with self._session.stream(self._path, {"Accept": "text/event-stream", **last}) as response:
                    yield from self._events(response)
            except httpx.TransportError as error:
                failure = error
            if not self._finished:
                self._failures += 1
                refusal = response if response is not None and response.is_error else None
                self._session.pause(self._failures, refusal, failure, least=self._retry)

    def _events(self, response: httpx.Response) -> Iterator[Event]:
        self._finished = response.status_code == 204
        if not response.is_success or self._finished:
            return
        final = False
        for frame in frames(response.iter_bytes()):
            self._failures = 0
            event = self._event(frame)
            if event is not None:
                final = final or event.type in FINAL
                yield event
        self._finished = final and self._ends

    def _event(self, frame: Frame) -> Event | None:
        """Keep the position and the retry time of a frame; return its event, if it is one."""
        if frame.event == "reset":
            raise UnknownPositionError(f"{self._position!r} is not a position of {self._path}")
        self._retry = self._retry if frame.retry is None else frame.retry / 1000
        self._position = frame.id or self._position
        if frame.event in _CONTROL:
            return None
        return Event(self._position or "", frame.event, json.loads(frame.data))
