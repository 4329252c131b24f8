"""Texts and pictures to look for, in every form in which a program may have kept them."""

import base64
import bz2
import gzip
import lzma
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

_WINDOW: Final = 24
_WINDOWS: Final = 6

Opener = Callable[[bytes], bytes]

_OPENERS: Final[Sequence[Opener]] = (
    gzip.decompress,
    zlib.decompress,
    lambda data: zlib.decompress(data, wbits=-zlib.MAX_WBITS),
    bz2.decompress,
    lzma.decompress,
)


def new_word(place: str) -> str:
    """Make a word that occurs nowhere else; letters and digits alone, so that no escaping changes it."""
    return f"{place}{secrets.token_hex(8)}"


class Needles:
    """What to look for, by name: a word, or the bytes of a picture."""

    def __init__(self, wanted: Mapping[str, str | bytes]) -> None:
        self._forms = [
            (form, name)
            for name, value in wanted.items()
            for form in (forms_of(value) if isinstance(value, str) else windows_of(value))
        ]

    def found(self, data: bytes) -> set[str]:
        """Name what data hold as they are, or compressed as a whole."""
        return {name for one in (data, *_opened(data)) for form, name in self._forms if form in one}


def forms_of(word: str) -> set[bytes]:
    """Write a word as it is, in capitals, as UTF-16, escaped for JSON, in hexadecimal digits and in base64."""
    raw = word.encode()
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in word).encode()
    return {
        raw,
        raw.upper(),
        word.encode("utf-16-le"),
        word.encode("utf-16-be"),
        escaped,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *_base64_of(raw),
    }


def windows_of(data: bytes) -> set[bytes]:
    """Cut some windows out of a picture, each as it is and in base64; the first and last bytes may be common."""
    step = (len(data) - 2 * _WINDOW) // _WINDOWS
    assert step > _WINDOW, "too small to be recognised"
    windows = [data[start : start + _WINDOW] for start in range(2 * step, _WINDOWS * step, step)]
    return {form for window in windows for form in (window, window.hex().encode(), *_base64_of(window))}


def _base64_of(data: bytes) -> Iterator[bytes]:
    """Write what is certain of data within a longer text in base64, for each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        certain = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield certain
        yield certain.replace(b"+", b"-").replace(b"/", b"_")


def _opened(data: bytes) -> Iterator[bytes]:
    for opener in _OPENERS:
        with suppress(Exception):
            yield opener(data)
