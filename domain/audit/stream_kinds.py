"""The kinds of streams in the log, and how each is folded for a replay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, Literal

from domain.accounts import developer as developers
from domain.accounts import platform
from domain.audit.accesses import is_access
from domain.audit.account_state import evolve_accounts, evolve_staff
from domain.audit.delivery_state import evolve_deliveries
from domain.controls import controls
from domain.generation.fold import advance
from domain.generation.generation import Generation, is_generation
from domain.operations import is_operation
from domain.webhooks.endpoint import evolve_endpoint, is_webhook
from events.envelope import RecordedEvent
from events.stream_fault import StreamFaultError
from events.webhook import DeliveryExhausted, DeliveryFailed, DeliverySucceeded

KindName = Literal["generation", "developer", "staff", "controls", "operations", "endpoint", "deliveries", "accesses"]


@dataclass(frozen=True, slots=True)
class StreamKind:
    """A kind of stream; `evolve` may change its state in place."""

    name: KindName
    evolve: Callable[[Any, RecordedEvent], Any]

    def fold(self, events: Sequence[RecordedEvent]) -> Any:
        """Fold a whole stream; None for no events."""
        return reduce(self.evolve, events, None)

    def developer_in(self, state: Any) -> str | None:
        """Name the developer whom a state belongs to; None where it does not tell."""
        return state.request.owner.developer if isinstance(state, Generation) else None


def _counted(count: int | None, _: RecordedEvent) -> int:
    """Count accesses and operations, which have no state of their own."""
    return (count or 0) + 1


GENERATION: Final = StreamKind("generation", advance)
DEVELOPER: Final = StreamKind("developer", evolve_accounts)
STAFF: Final = StreamKind("staff", evolve_staff)
CONTROLS: Final = StreamKind("controls", controls.evolve)
OPERATIONS: Final = StreamKind("operations", _counted)
ENDPOINT: Final = StreamKind("endpoint", evolve_endpoint)
DELIVERIES: Final = StreamKind("deliveries", evolve_deliveries)
ACCESSES: Final = StreamKind("accesses", _counted)


def kind_of(event: RecordedEvent) -> StreamKind:
    """Tell the kind of a stream by one of its events; ValueError for a name that is of no kind."""
    stream = event.stream
    if is_generation(stream):
        return GENERATION
    if developers.developer_of(stream) is not None:
        return DEVELOPER
    if stream == platform.STREAM:
        return STAFF
    if stream == controls.STREAM:
        return CONTROLS
    if is_operation(stream):
        return OPERATIONS
    if is_webhook(stream):
        attempts = isinstance(event.event, DeliverySucceeded | DeliveryFailed | DeliveryExhausted)
        return DELIVERIES if attempts else ENDPOINT
    if is_access(stream):
        return ACCESSES
    raise StreamFaultError(f"{stream} is a stream of no known kind")
