"""A developer: which projects and keys live, by his stream alone, and what may be changed.

Deciding twice returns `[]`. What he does not have is unknown to him (`not_found`), whoever else has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, assert_never, cast

from domain.errors import ErrorCode, ExemplarError
from events.developer import (
    DeveloperEvent,
    DeveloperPasswordChanged,
    DeveloperPasswordReset,
    DeveloperRegistered,
    DeveloperTierChanged,
    DraftWithdrawn,
    KeyCreated,
    KeyRevoked,
    ProjectCreated,
    ProjectDeleted,
    ProjectErased,
    ProjectRenamed,
    QuotaCorrected,
    UserDeleted,
    UserErased,
    UserPasswordChanged,
    UserPasswordReset,
    UserRegistered,
)
from events.envelope import RecordedEvent
from events.event import Event

DEVELOPER_KEYS = 10
API_KEYS = 50
_PREFIX = "developer-"


@dataclass(frozen=True, slots=True)
class Developer:
    """The folded state; `keys` maps each active key to its project, None for the developer's own.

    Users are not in it: they are many, and no decision needs to know all of them. Without a `tier` he is not
    registered: all that is known of him is an attempt that was withdrawn. `correction` is the last one of
    his quota.
    """

    id: str
    version: int
    tier: str = ""
    projects: frozenset[str] = frozenset()
    keys: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    correction: str | None = None


Decision = Sequence[Event]
DraftKind = Literal["developers", "projects", "users", "keys"]


def stream_of(developer_id: str) -> str:
    """Name the stream of a developer."""
    return f"{_PREFIX}{developer_id}"


def developer_of(stream: str) -> str | None:
    """Read whose stream it is; None for another kind of stream."""
    return stream.removeprefix(_PREFIX) if stream.startswith(_PREFIX) else None


def fold(events: Iterable[RecordedEvent], start: Developer | None = None) -> Developer | None:
    """Fold a stream's events, in order; None for none."""
    developer = start
    for recorded in events:
        developer = evolve(developer, recorded)
    return developer


def evolve(developer: Developer | None, recorded: RecordedEvent) -> Developer:
    """Apply one recorded event; nothing but a withdrawn attempt may be before `developer.registered`."""
    event = cast("DeveloperEvent", recorded.event)
    developer = developer or Developer(developer_of(recorded.stream) or "", 0)
    if not developer.tier and not isinstance(event, DeveloperRegistered | DraftWithdrawn):
        raise ValueError(f"{recorded.id}: a developer begins with {DeveloperRegistered.type}")
    return replace(_changed(developer, event), version=recorded.version)


def _changed(d: Developer, event: DeveloperEvent) -> Developer:
    match event:
        case DeveloperRegistered():
            if d.tier:
                raise ValueError(f"developer {d.id} is registered twice")
            return replace(d, tier=event.tier)
        case DeveloperTierChanged():
            return replace(d, tier=event.tier)
        case ProjectCreated():
            return replace(d, projects=d.projects | {event.project})
        case ProjectDeleted():
            living = {key: project for key, project in d.keys.items() if project != event.project}
            return replace(d, projects=d.projects - {event.project}, keys=living)
        case KeyCreated():
            return replace(d, keys={**d.keys, event.key: event.project})
        case KeyRevoked():
            return replace(d, keys={key: place for key, place in d.keys.items() if key != event.key})
        case DeveloperPasswordReset() | DeveloperPasswordChanged() | DraftWithdrawn():
            return d
        case QuotaCorrected():
            return replace(d, correction=event.correction)
        case ProjectRenamed() | ProjectErased():
            return d
        case UserRegistered() | UserPasswordReset() | UserPasswordChanged() | UserDeleted() | UserErased():
            return d
        case _:
            assert_never(event)


def register(d: Developer | None, *, tier: str) -> Decision:
    """Begin the account."""
    return [] if d is not None and d.tier else [DeveloperRegistered(tier=tier)]


def change_tier(d: Developer, *, tier: str) -> Decision:
    """Put all his projects under another tier; what runs keeps what it was admitted with."""
    return [DeveloperTierChanged(previous=d.tier, tier=tier)] if d.tier != tier else []


def reset_password(_: Developer, *, change: str) -> Decision:
    """Make a drafted password the valid one."""
    return [DeveloperPasswordReset(change=change)]


def change_password(_: Developer, *, change: str) -> Decision:
    """Make a password that he drafted himself the valid one."""
    return [DeveloperPasswordChanged(change=change)]


def withdraw_draft(_: Developer | None, *, kind: DraftKind, draft: str, change: str | None) -> Decision:
    """Let whoever has been making something for too long find the log longer than he knew it."""
    return [DraftWithdrawn(kind=kind, draft=draft, change=change)]


def create_project(d: Developer, *, project: str, limit: int | None) -> Decision:
    """Add a project; `project_limit_exceeded` when the tier allows no more."""
    if project in d.projects:
        return []
    if limit is not None and len(d.projects) >= limit:
        sentence = f"Maximum of {limit} projects reached for tier {d.tier}"
        raise ExemplarError(ErrorCode.PROJECT_LIMIT, sentence)
    return [ProjectCreated(project=project)]


def rename_project(d: Developer, *, project: str, change: str) -> Decision:
    """Make a drafted name or description the valid one."""
    _require(d, project)
    return [ProjectRenamed(project=project, change=change)]


def delete_project(d: Developer, *, project: str) -> Decision:
    """Close a project for good."""
    _require(d, project)
    return [ProjectDeleted(project=project)]


def erase_project(d: Developer, *, project: str) -> Decision:
    """Note that nothing of a deleted project is left."""
    return [] if project in d.projects else [ProjectErased(project=project)]


def create_key(d: Developer, *, key: str, project: str | None) -> Decision:
    """Add a key; `key_limit_exceeded` when its owner has as many active ones as may be."""
    if key in d.keys:
        return []
    limit, kind = (DEVELOPER_KEYS, "developer") if project is None else (API_KEYS, "API")
    if project is not None:
        _require(d, project)
    if sum(place == project for place in d.keys.values()) >= limit:
        sentence = f"Maximum of {limit} active {kind} keys reached. Revoke one first."
        raise ExemplarError(ErrorCode.KEY_LIMIT, sentence)
    return [KeyCreated(key=key, project=project)]


def revoke_key(d: Developer, *, key: str, project: str | None) -> Decision:
    """End a key; `not_found` unless this owner has it."""
    if key not in d.keys or d.keys[key] != project:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return [KeyRevoked(key=key)]


def correct_quota(d: Developer, *, corrected: QuotaCorrected) -> Decision:
    """Note what his quota ledger is put right to; `[]` for what was noted last."""
    return [] if d.correction == corrected.correction else [corrected]


def register_user(d: Developer, *, project: str, user: str) -> Decision:
    """Let an end user in."""
    _require(d, project)
    return [UserRegistered(project=project, user=user)]


def reset_user_password(d: Developer, *, project: str, user: str, change: str) -> Decision:
    """Make a drafted password of an end user the valid one."""
    _require(d, project)
    return [UserPasswordReset(project=project, user=user, change=change)]


def change_user_password(d: Developer, *, project: str, user: str, change: str) -> Decision:
    """Make a password that an end user drafted himself the valid one."""
    _require(d, project)
    return [UserPasswordChanged(project=project, user=user, change=change)]


def delete_user(_: Developer, *, project: str, user: str) -> Decision:
    """Make an end user nobody, whatever became of his project; what is his is to be erased."""
    return [UserDeleted(project=project, user=user)]


def erase_user(_: Developer, *, project: str, user: str) -> Decision:
    """Note that nothing of a deleted user is left, whatever became of his project."""
    return [UserErased(project=project, user=user)]


def _require(d: Developer, project: str) -> None:
    if project not in d.projects:
        raise ExemplarError(ErrorCode.NOT_FOUND)
