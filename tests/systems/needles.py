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
_WINDOWS: Final = 3
_PIECE: Final = 8  # bytes
_PREFIX: Final = "zqxj"
"""Every text begins with it, so that most data are looked at for a few forms only."""


Opener = Callable[[bytes], bytes]

_OPENERS: Final[Sequence[Opener]] = (
    gzip.decompress,
    zlib.decompress,
    lambda data: zlib.decompress(data, wbits=-zlib.MAX_WBITS),
    bz2.decompress,
    lzma.decompress,
)


def new_word(source: str) -> str:
    """Make a word that occurs nowhere else; letters and digits alone, so that no escaping changes it."""
    return f"{_PREFIX}{source}{secrets.token_hex(8)}"


class Needles:
    """What to look for, by name: a word, or the bytes of a picture."""

    def __init__(self, wanted: Mapping[str, str | bytes]) -> None:
        texts = {name: value for name, value in wanted.items() if isinstance(value, str)}
        pictures = {name: value for name, value in wanted.items() if isinstance(value, bytes)}
        assert all(text.startswith(_PREFIX) for text in texts.values())
        self._texts = [(form, name) for name, text in texts.items() for form in forms_of(text)]
        self._pictures = [(form, name) for name, data in pictures.items() for form in windows_of(data)]
        self._pieces = _by_pieces(self._pictures)
        self._prefixes = forms_of(_PREFIX)

    def found(self, data: bytes) -> set[str]:
        """Name what data hold as they are, or compressed as a whole."""
        return self._plain(data) | self.compressed(data)

    def compressed(self, data: bytes) -> set[str]:
        """Name what data hold that are compressed as a whole."""
        return set[str]().union(*map(self._plain, _opened(data)))

    def _plain(self, data: bytes) -> set[str]:
        return {name for form, name in self._forms_for(data) if form in data}

    def _forms_for(self, data: bytes) -> Iterator[tuple[bytes, str]]:
        for piece in self._pieces.keys() & set(_pieces_of(data)) if self._pieces else ():
            yield from self._pieces[piece]
        if any(prefix in data for prefix in self._prefixes):
            yield from self._texts


def _by_pieces(forms: Sequence[tuple[bytes, str]]) -> dict[int, list[tuple[bytes, str]]]:
    """Map 8 pieces of each form to it: data with the form have one of them as a 64-bit word, wherever it begins."""
    pieces: dict[int, list[tuple[bytes, str]]] = {}
    for form, name in forms:
        assert len(form) >= 2 * _PIECE - 1
        for start in range(_PIECE):
            [piece] = _pieces_of(form[start : start + _PIECE])
            pieces.setdefault(piece, []).append((form, name))
    return pieces


def _pieces_of(data: bytes) -> memoryview:
    """Read data as 64-bit words, without what is left at their end."""
    return memoryview(data)[: len(data) // _PIECE * _PIECE].cast("Q")


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
    step = len(data) // (_WINDOWS + 1)
    assert step > 2 * _WINDOW, "too small to be recognised"
    windows = [data[start : start + _WINDOW] for start in range(step, (_WINDOWS + 1) * step, step)]
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
