"""The terms under which a sealed commit is found: `name=value`, from its envelopes and the owner of its stream.

Stored envelopes are read as they are, so that types and schemas of newer code have terms, too. Nothing is imported
here, because the processes that verify load it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

OWNERS: Final = ("developer", "project", "user")
LOG_READ: Final = "access.log_read"
READ: Final = "read"
READ_WITHIN: Final = "read_within"
EVERYTHING: Final = "all"

_OWNED: Final = ("control.", "developer.", "operation.", "webhook.")  # types whose data name developer, project or user
_REQUESTED: Final = "generation.requested"
GENERATION_STREAM: Final = "generation-"
_DEVELOPER: Final = "developer-"  # the stream of a developer
_ACTING_DEVELOPER: Final = "developer:"

Envelope = Mapping[str, Any]
Owner = Mapping[str, str]
"""The ids of a developer, a project and perhaps a user; {} of nobody."""

ENDPOINT: Final = "webhook."
_DELIVERY: Final = "webhook.delivery_"


def term(name: str, value: str) -> str:
    return f"{name}={value}"


def values_of(terms: Iterable[str], name: str) -> Sequence[str]:
    """List the values that a commit has under a name."""
    return [value for found, _, value in (one.partition("=") for one in terms) if found == name]


def correlation_of(envelope: Envelope) -> str:
    """Name the stream in which the chain of events began: without one it began here."""
    return str(envelope.get("correlationid") or envelope["stream"])


def terms_of(envelopes: Sequence[Envelope], owner: Mapping[str, str]) -> list[str]:
    """List the terms of a commit; `owner` holds the ids of a generation's developer, project and user."""
    found = {term(name, value) for name, value in owner.items()}
    for envelope in envelopes:
        found |= set(_terms_of(envelope))
    return sorted(found)


def owner_from(first: Sequence[Envelope]) -> Owner:
    """Read whom the stream belongs to that begins with these envelopes: a generation's or a webhook endpoint's."""
    kind, data = first[0]["type"], first[0]["data"]
    if kind == _REQUESTED:
        return {name: data["owner"][name] for name in OWNERS}
    return owner_among(terms_of(first, {})) if is_of_endpoint(kind) else {}


def owner_among(terms: Sequence[str]) -> Owner:
    """Choose the owner among the terms of a commit: the first value of each name."""
    return {name: values[0] for name in OWNERS if (values := values_of(terms, name))}


def is_of_endpoint(kind: str) -> bool:
    """Tell whether an event of this type belongs to the stream of a webhook endpoint."""
    return kind.startswith(ENDPOINT) and not kind.startswith(_DELIVERY)


def owning_streams(stream: str, kind: str, correlations: Iterable[str]) -> Sequence[str]:
    """Name the streams of which the first that has an owner lends it to a commit: generations, then its endpoint.

    kind: the type of the first event; correlations: the values of `correlation_id`.
    """
    generations = [name for name in dict.fromkeys([stream, *correlations]) if name.startswith(GENERATION_STREAM)]
    return [*generations, stream] if is_of_endpoint(kind) else generations


@dataclass(frozen=True, slots=True)
class ExpectedTerms:
    """The terms that a commit must have: `own` by its events, and those of its owner.

    late: the stream of the owner began behind the commit, whose terms may then lack the owner. owner None: it cannot be
    told, because the commit that names it is damaged.
    """

    own: frozenset[str]
    owner: Owner | None
    late: bool = False

    @property
    def all(self) -> Sequence[str]:
        return sorted(self.own | {term(name, value) for name, value in (self.owner or {}).items()})

    def allow(self, stored: object) -> bool:
        """Tell whether the terms beside a position are those of its commit, or cannot be told."""
        return self.owner is None or stored == self.all or (self.late and stored == sorted(self.own))


def _terms_of(envelope: Envelope) -> Iterable[str]:
    yield term("type", envelope["type"])
    yield term("correlation_id", correlation_of(envelope))
    for name, member in (("actor", "actor"), ("request_id", "requestid")):
        if isinstance(value := envelope.get(member), str):
            yield term(name, value)
    yield from _owner_terms(envelope)


def _owner_terms(envelope: Envelope) -> Iterable[str]:
    kind, stream, data = envelope["type"], envelope["stream"], envelope["data"]
    if kind == LOG_READ:
        yield from _scope_terms({name: data[name] for name in OWNERS if data.get(name)})
    if kind.startswith(_OWNED):
        yield from (term(name, data[name]) for name in OWNERS if isinstance(data.get(name), str))
    if stream.startswith(_DEVELOPER):
        yield term("developer", stream.removeprefix(_DEVELOPER))
    if str(envelope.get("actor")).startswith(_ACTING_DEVELOPER):
        yield term("developer", envelope["actor"].removeprefix(_ACTING_DEVELOPER))


def _scope_terms(scope: Mapping[str, str]) -> Iterable[str]:
    """Give the narrowest scope that an access covers, and the developer that it lies within."""
    narrowest = next((name for name in reversed(OWNERS) if name in scope), None)
    yield term(READ, EVERYTHING if narrowest is None else f"{narrowest}:{scope[narrowest]}")
    if "developer" in scope:
        yield term(READ_WITHIN, scope["developer"])
