"""Parser of server-sent events (WHATWG HTML, section 9.2.6)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
