"""Elements of BSON with gaps (`%b`) for texts whose length is known."""

from collections.abc import Sequence
from typing import Final

Text = tuple[bytes, int]
"""A text with gaps, and its length when these are filled."""

LEAF: Final = b"\x05leaf\0\x20\0\0\0\0"
"""What stands before a hash of 32 bytes."""


def string(name: str, text: bytes, size: int) -> bytes:
    """Write a text under a name."""
    return b"\x02" + name.encode() + b"\0" + literal(_number(size + 1)) + text + b"\0"


def number(name: str, value: int) -> bytes:
    """Write a number of 32 bits under a name."""
    return literal(b"\x10" + name.encode() + b"\0" + _number(value))


def array(name: str, texts: Sequence[Text]) -> bytes:
    """Write a list of texts under a name."""
    numbered = [(str(index), *text) for index, text in enumerate(texts)]
    size = 5 + sum(len(index) + 7 + size for index, _, size in numbered)
    elements = b"".join(string(index, text, size) for index, text, size in numbered)
    return b"\x04" + name.encode() + b"\0" + literal(_number(size)) + elements + b"\0"


def literal(text: bytes) -> bytes:
    """Write bytes without gaps."""
    return text.replace(b"%", b"%%")


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)
