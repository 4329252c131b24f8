"""The streams of what operators do to many things at once."""

from typing import Final

_PREFIX: Final = "operation-"


def stream_of(operation: str) -> str:
    return f"{_PREFIX}{operation}"


def is_operation(stream: str) -> bool:
    return stream.startswith(_PREFIX)
