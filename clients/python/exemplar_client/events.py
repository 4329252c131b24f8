"""Event streams that resume after every interruption: each event once, in order."""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import httpx

from exemplar_client.errors import UnknownPositionError
from exemplar_client.resources import Event
from exemplar_client.session import Session

_END_OF_LINE = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the end of a chunk may be half of a CRLF
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched event; `id` is None when the frame had none, `retry` in milliseconds."""

    event: str = "message"
    data: str = ""
    id: str | None = None
    retry: int | None = None


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """Parse chunks of bytes into frames; an incomplete last frame is dropped.

    A frame without data is only given when it has a `retry`.
    """
    fields: list[tuple[str, str]] = []
    for line in _lines(chunks):
        if line:
            name, _, value = line.partition(":")
            fields.append((name, value.removeprefix(" ")))
            continue
        frame = _frame(fields)
        if frame is not None:
            yield frame
        fields = []


def _frame(fields: list[tuple[str, str]]) -> Frame | None:
    named = {name: value for name, value in fields if not (name == "id" and "\0" in value)}
    data = [value for name, value in fields if name == "data"]
    retry = named.get("retry", "")
    if not data and not retry.isdecimal():
        return None
    return Frame(
        event=named.get("event") or "message",
        data="\n".join(data),
        id=named.get("id"),
        retry=int(retry) if retry.isdecimal() else None,
    )


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest, begun = b"", False
    for chunk in chunks:
        *whole, rest = _END_OF_LINE.split(rest + chunk)
        for line in whole:
            yield (line if begun else line.removeprefix(_BYTE_ORDER_MARK)).decode(errors="replace")
            begun = True


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
