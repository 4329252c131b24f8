"""A developer's account: the state folded from its stream, and the decisions that change it.

A decision that changes nothing returns `[]`. What the developer does not own raises `not_found`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import assert_never, cast

from domain.errors import ErrorCode, ExemplarError
from events import developer as facts
from events.envelope import RecordedEvent
from events.erasure import Grounds
from events.event import Event
from events.stream_fault import StreamFaultError

DEVELOPER_KEYS = 10
API_KEYS = 50
_PREFIX = "developer-"


@dataclass(frozen=True, slots=True)
class Developer:
    """The folded state; `keys` maps each active key to its project, None for a developer key.

    Users are left out: there are many, and no decision needs all of them. `correction` is the id of the
    last correction of the quota.
    """

    id: str
    version: int
    tier: str
    projects: frozenset[str] = frozenset()
    keys: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    correction: str | None = None


Decision = Sequence[Event]


def stream_of(developer_id: str) -> str:
    return f"{_PREFIX}{developer_id}"


def developer_of(stream: str) -> str | None:
    """Return the developer of a stream; None for another kind of stream."""
    return stream.removeprefix(_PREFIX) if stream.startswith(_PREFIX) else None


def fold(events: Iterable[RecordedEvent], start: Developer | None = None) -> Developer | None:
    """Fold a stream's events, in order; None for none."""
    return reduce(evolve, events, start)


def evolve(developer: Developer | None, recorded: RecordedEvent) -> Developer:
    """Apply one recorded event; the first is `developer.registered`."""
    event = cast("facts.DeveloperEvent", recorded.event)
    if developer is None:
        if not isinstance(event, facts.DeveloperRegistered):
            raise StreamFaultError(f"{recorded.id}: a developer begins with {facts.DeveloperRegistered.type}")
        return Developer(developer_of(recorded.stream) or "", recorded.version, event.tier)
    return replace(_changed(developer, event), version=recorded.version)


def _changed(d: Developer, event: facts.DeveloperEvent) -> Developer:
    match event:
        case facts.DeveloperRegistered():
            raise StreamFaultError(f"developer {d.id} is registered twice")
        case facts.DeveloperTierChanged():
            return replace(d, tier=event.tier)
        case facts.ProjectCreated():
            return replace(d, projects=d.projects | {event.project})
        case facts.ProjectDeleted():
            active = {key: project for key, project in d.keys.items() if project != event.project}
            return replace(d, projects=d.projects - {event.project}, keys=active)
        case facts.KeyCreated():
            return replace(d, keys={**d.keys, event.key: event.project})
        case facts.KeyRevoked():
            return replace(d, keys={key: owner for key, owner in d.keys.items() if key != event.key})
        case facts.QuotaCorrected():
            return replace(d, correction=event.correction)
        case (
            facts.DeveloperPasswordReset() | facts.DeveloperPasswordChanged() | facts.ProjectEvent() | facts.UserEvent()
        ):
            return d
        case _:
            assert_never(event)


def register(d: Developer | None, *, tier: str) -> Decision:
    return [] if d is not None else [facts.DeveloperRegistered(tier=tier)]


def change_tier(d: Developer, *, tier: str) -> Decision:
    """Move all projects to another tier; admitted generations keep the limits they were admitted with."""
    return [facts.DeveloperTierChanged(previous=d.tier, tier=tier)] if d.tier != tier else []


def record(_: Developer, *, event: facts.DeveloperEvent) -> Decision:
    """Record what may happen at any time: a password is set, a user is deleted or erased."""
    return [event]


def record_in_project(d: Developer, *, event: facts.ProjectEvent | facts.UserEvent) -> Decision:
    """Record what happens in a project; `not_found` unless the developer has it."""
    _require(d, event.project)
    return [event]


def create_project(d: Developer, *, project: str, limit: int | None) -> Decision:
    """Add a project; `project_limit_exceeded` when the tier allows no more."""
    if project in d.projects:
        return []
    if limit is not None and len(d.projects) >= limit:
        sentence = f"Maximum of {limit} projects reached for tier {d.tier}"
        raise ExemplarError(ErrorCode.PROJECT_LIMIT, sentence)
    return [facts.ProjectCreated(project=project)]


def request_project_erasure(d: Developer, *, project: str, grounds: Grounds) -> Decision:
    """Delete a project, if it is not deleted yet, and have its data erased now."""
    requested = facts.ProjectErasureRequested(project=project, grounds=grounds)
    return [facts.ProjectDeleted(project=project), requested] if project in d.projects else [requested]


def erase_project(d: Developer, *, project: str) -> Decision:
    """Record that all data of a deleted project are deleted."""
    return [] if project in d.projects else [facts.ProjectErased(project=project)]


def create_key(d: Developer, *, key: str, project: str | None) -> Decision:
    """Add a key; `key_limit_exceeded` when its owner has the largest number of active ones."""
    if key in d.keys:
        return []
    limit, kind = (DEVELOPER_KEYS, "developer") if project is None else (API_KEYS, "API")
    if project is not None:
        _require(d, project)
    if sum(owner == project for owner in d.keys.values()) >= limit:
        sentence = f"Maximum of {limit} active {kind} keys reached. Revoke one first."
        raise ExemplarError(ErrorCode.KEY_LIMIT, sentence)
    return [facts.KeyCreated(key=key, project=project)]


def revoke_key(d: Developer, *, key: str, project: str | None) -> Decision:
    """Revoke a key; `not_found` unless this owner has it."""
    if key not in d.keys or d.keys[key] != project:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return [facts.KeyRevoked(key=key)]


def correct_quota(d: Developer, *, corrected: facts.QuotaCorrected) -> Decision:
    """Record a correction of the quota ledger; `[]` for the one that was recorded last."""
    return [] if d.correction == corrected.correction else [corrected]


def _require(d: Developer, project: str) -> None:
    if project not in d.projects:
        raise ExemplarError(ErrorCode.NOT_FOUND)
