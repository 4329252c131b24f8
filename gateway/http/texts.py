"""The text of a request: decoded as its sender encoded it, and quoted safely in an answer."""

import json
import re
from encodings.aliases import aliases
from typing import Final

_CODECS: Final = re.compile(
    r"utf_(8|16|32)(_[bl]e)?|ascii|latin_1|iso8859_\d+|cp\d+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|koi8_\w|mac_\w+"
)
# A closed table: Python would search, and remember, every name that a client invents.
_CHARSETS: Final = {
    label: codec for alias, codec in aliases.items() if _CODECS.fullmatch(codec) for label in (alias, codec)
}
# As browsers read these labels (WHATWG Encoding): both are supersets.
_SUPERSETS: Final = {"ascii": "utf_8", "latin_1": "cp1252"}
_SHOWN: Final = 60


class UndecodableTextError(ValueError):
    """The bytes are no text; the message tells the client what came and what is wanted."""


def decode_text(raw: bytes, charset: str | None = None) -> str:
    """Decode by a byte order mark, which is dropped, else by the declared charset, else as UTF-8.

    UTF-16 and UTF-32 need no mark where the text is JSON or ASCII. An unknown charset is taken for UTF-8.
    Raises UndecodableTextError.
    """
    codec: str = json.detect_encoding(raw)
    if codec == "utf-8" and charset:
        codec = _codec(charset)
    try:
        return raw.decode(codec).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        came = f" and the charset {shown(charset)} is not supported" if charset and codec == "utf-8" else ""
        wrong = f"byte {error.start} (0x{raw[error.start]:02x}) is not valid {codec.replace('_', '-')}"
        raise UndecodableTextError(f"{wrong}{came}; send UTF-8") from error


def shown(text: str) -> str:
    """Quote a client's text for a message of ours: ASCII, escaped, at most 60 characters of it."""
    return ascii(text[:_SHOWN])


def named(name: str) -> str:
    """Return a client's name of a field for `loc`: as it is, or quoted where it is long or not printable ASCII."""
    return name if name.isascii() and name.isprintable() and len(name) <= _SHOWN else shown(name)


def _codec(charset: str) -> str:
    codec = _CHARSETS.get(charset.strip().lower().replace("-", "_"), "utf-8")
    return _SUPERSETS.get(codec, codec)
