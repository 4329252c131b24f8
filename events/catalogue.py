"""The catalogue of event types. Every other list of types in the product is derived from it."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final, cast, get_args

from pydantic import ValidationError

from events.access import ACCESS
from events.control import CONTROL
from events.developer import DEVELOPER, PLATFORM
from events.event import Event, schema_uri
from events.event_type import EventType, WebhookFilter
from events.generation import GENERATION
from events.operation import OPERATION
from events.webhook import WEBHOOK


class UnknownEventError(ValueError):
    """The log holds a type or a schema version that this code does not know: deploy the newer code."""

    holds_no_data = True


class Catalogue:
    """Derive the lists of types from rows; ValueError when two rows have one name."""

    def __init__(self, rows: Iterable[EventType]) -> None:
        self.rows: Final = tuple(rows)
        self._present: Final = {
            (row.name, schema_uri(row.name, row.schema_version)): row.cls.__pydantic_validator__.validate_python
            for row in self.rows
        }
        self._by_name: Final[Mapping[str, EventType]] = {row.name: row for row in self.rows}
        if len(self._by_name) < len(self.rows):
            raise ValueError("an event type has two rows")

    def get(self, name: str) -> EventType | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> EventType:
        return self._by_name[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @cached_property
    def deliverable(self) -> tuple[str, ...]:
        """List the types that may be sent as a webhook."""
        return tuple(row.name for row in self.rows if row.deliverable)

    @cached_property
    def final(self) -> frozenset[str]:
        """Name the types that end a generation."""
        return frozenset(row.name for row in self.rows if row.final)

    @cached_property
    def webhook_filters(self) -> Mapping[str, frozenset[str]]:
        """Map the words of `webhook_events_filter` to the types that they choose."""
        return {
            word: frozenset(row.name for row in self.rows if row.webhook_filter == word)
            for word in get_args(WebhookFilter)
        }

    @cached_property
    def queues(self) -> Mapping[str, tuple[str, ...]]:
        """Map the queue of each actor to the types that reach it."""
        names = dict.fromkeys(queue for row in self.rows for queue in row.queues)
        return {queue: tuple(row.name for row in self.rows if queue in row.queues) for queue in names}

    @cached_property
    def subscribers(self) -> Mapping[str, frozenset[str]]:
        """Map each catch-up subscriber to the types that it handles."""
        names = dict.fromkeys(name for row in self.rows for name in row.subscribers)
        return {name: frozenset(row.name for row in self.rows if name in row.subscribers) for name in names}

    def read(self, name: str, dataschema: str, data: dict[str, Any]) -> Event:
        """Read stored data, upcast to the present version; `UnknownEventError` for an unknown schema.

        A field that is not known is one that a newer process has added to the schema.
        """
        if (validate := self._present.get((name, dataschema))) is not None:
            try:
                return cast("Event", validate(data))
            except ValidationError:
                pass  # told apart below
        row = self.get(name)
        for version in range(row.schema_version, 0, -1) if row else ():
            if row and dataschema == schema_uri(name, version):
                try:
                    return row.cls.model_validate(row.upcast(data, version))
                except ValidationError as error:
                    if any(fault["type"] != "extra_forbidden" for fault in error.errors(include_url=False)):
                        raise
                    raise UnknownEventError(f"event {name!r} has fields that are not known") from None
        raise UnknownEventError(f"no event {name!r} with schema {dataschema!r}")


CATALOGUE: Final = Catalogue((*GENERATION, *WEBHOOK, *DEVELOPER, *PLATFORM, *CONTROL, *OPERATION, *ACCESS))
