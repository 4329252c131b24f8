"""Event streams that resume after every interruption: each event once, in order."""

import json
import re
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from dataclasses import dataclass

import httpx

from exemplar_client.errors import UnknownPositionError
from exemplar_client.flow import Call
from exemplar_client.requests import Requests
from exemplar_client.resources import Event
from exemplar_client.runner import BaseAsyncClient, BaseClient

_END_OF_LINE = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the end of a chunk may be half of a CRLF
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched event; `id` is None when the frame had none, `retry` in milliseconds."""

    event: str = "message"
    data: str = ""
    id: str | None = None
    retry: int | None = None


class FrameParser:
    """Parses chunks of bytes into frames; an incomplete last frame is dropped.

    A frame without data is only given when it has a `retry`.
    """

    def __init__(self) -> None:
        self._rest, self._begun = b"", False
        self._fields: list[tuple[str, str]] = []

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Take the next bytes; give the frames that they complete."""
        for line in self._lines(chunk):
            if line:
                name, _, value = line.partition(":")
                self._fields.append((name, value.removeprefix(" ")))
                continue
            fields, self._fields = self._fields, []
            frame = _frame(fields)
            if frame is not None:
                yield frame

    def _lines(self, chunk: bytes) -> Iterator[str]:
        *whole, self._rest = _END_OF_LINE.split(self._rest + chunk)
        for line in whole:
            yield (line if self._begun else line.removeprefix(_BYTE_ORDER_MARK)).decode(errors="replace")
            self._begun = True


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """Parse chunks of bytes into frames."""
    parser = FrameParser()
    for chunk in chunks:
        yield from parser.feed(chunk)


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


FINAL = frozenset({"generation.completed", "generation.failed"})
_CONTROL = frozenset({"caught_up", "goodbye", "message"})  # frames about the stream, not events


class EventReader:
    """Follows one stream from a position to a 204 or, where it `ends`, to the end after a final event.

    After an interruption the next connection resumes after the last event that was received whole.
    """

    def __init__(self, path: str, position: str | None, *, ends: bool) -> None:
        self._path, self._position, self._ends = path, position, ends
        self._failures, self._retry, self._final = 0, 2.0, False
        self._parser = FrameParser()
        self.finished = False

    @property
    def call(self) -> Call:
        """The request that opens the stream after the last position."""
        last = {} if self._position is None else {"Last-Event-ID": self._position}
        return Call("GET", self._path, {"Accept": "text/event-stream", **last}, stream=True)

    def opened(self, response: httpx.Response) -> bool:
        """Tell whether a response is a stream of events."""
        self.finished = response.status_code == 204
        self._parser, self._final = FrameParser(), False
        return response.is_success and not self.finished

    def received(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that the next bytes complete."""
        for frame in self._parser.feed(chunk):
            self._failures = 0
            event = self._event(frame)
            if event is not None:
                self._final = self._final or event.type in FINAL
                yield event

    def ended(self) -> None:
        """Note that the stream was received to its end."""
        self.finished = self._final and self._ends

    def pause(self, requests: Requests, response: httpx.Response | None, failure: Exception | None) -> float:
        """Return the seconds until the next connection; raise the error if there is none."""
        self._failures += 1
        refusal = response if response is not None and response.is_error else None
        return requests.pause(self._failures, refusal, failure, least=self._retry)

    def _event(self, frame: Frame) -> Event | None:
        """Keep the position and the retry time of a frame; return its event, if it is one."""
        if frame.event == "reset":
            raise UnknownPositionError(f"{self._position!r} is not a position of {self._path}")
        self._retry = self._retry if frame.retry is None else frame.retry / 1000
        self._position = frame.id or self._position
        if frame.event in _CONTROL:
            return None
        return Event(self._position or "", frame.event, json.loads(frame.data))


def read_events(client: BaseClient, reader: EventReader) -> Generator[Event, None, None]:
    """Yield each event once, in order; closing the generator closes the connection."""
    while not reader.finished:
        response: httpx.Response | None = None
        failure: httpx.TransportError | None = None
        try:
            response = client.run(client.requests.authorized(reader.call))
            try:
                if reader.opened(response):
                    for chunk in response.iter_bytes():
                        yield from reader.received(chunk)
                    reader.ended()
                elif response.is_error:
                    response.read()
            finally:
                response.close()
        except httpx.TransportError as error:
            failure = error
        if not reader.finished:
            client.sleep(reader.pause(client.requests, response, failure))


async def aread_events(client: BaseAsyncClient, reader: EventReader) -> AsyncGenerator[Event, None]:
    """Yield each event once, in order; closing the generator closes the connection."""
    while not reader.finished:
        response: httpx.Response | None = None
        failure: httpx.TransportError | None = None
        try:
            response = await client.arun(client.requests.authorized(reader.call))
            try:
                if reader.opened(response):
                    async for chunk in response.aiter_bytes():
                        for event in reader.received(chunk):
                            yield event
                    reader.ended()
                elif response.is_error:
                    await response.aread()
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            failure = error
        if not reader.finished:
            await client.sleep(reader.pause(client.requests, response, failure))
