"""What operators do to many things at once: its streams, and who handles what may fail."""

from collections.abc import Sequence
from typing import Final

from events.catalogue import CATALOGUE
from events.operation import FailedSource

_PREFIX: Final = "operation-"


def stream_of(operation: str) -> str:
    return f"{_PREFIX}{operation}"


def is_operation(stream: str) -> bool:
    return stream.startswith(_PREFIX)


def handlers_of(source: FailedSource) -> Sequence[str]:
    """Name the subscribers that park events, or the queues whose actors leave dead letters."""
    return [*(CATALOGUE.subscribers if source == "parked" else CATALOGUE.queues)]
