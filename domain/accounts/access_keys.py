"""Access keys: one secret that acts for one end user of one project, within scopes and until a date.

A developer makes them for scripts and tools, which send the key as `Authorization: Bearer` in place of the token, the
role and the keys of a submission.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.errors import ErrorCode, ExemplarError

ACCESS_KEYS: Final = 20
"""Active access keys of one user; expired ones do not count."""


class Scope(StrEnum):
    """What an access key may be used for; an account itself is out of reach for every key."""

    GENERATE = "generate"
    READ = "read"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class AccessKeyState:
    """A stored access key; `expires_at` is None for one without an end, `hash` the keyed hash that it is stored by."""

    id: str
    developer_id: str
    project_id: str
    user_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    active: bool
    last_used_at: datetime | None
    hash: str = field(default="", repr=False)

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the key is neither revoked nor past its end."""
        return self.active and (self.expires_at is None or now < self.expires_at)


def require_scope(scopes: frozenset[str] | None, needed: Scope | None) -> None:
    """Refuse an access key without the needed scope; `scopes` None are those of a login, which may do everything.

    Raises ExemplarError: `forbidden` where no access key may be used (`needed` is None), else `insufficient_scope`.
    """
    if scopes is None:
        return
    if needed is None:
        raise ExemplarError(ErrorCode.FORBIDDEN)
    if needed not in scopes:
        raise ExemplarError(ErrorCode.INSUFFICIENT_SCOPE, f"The access key does not have the scope {needed}")


def ordered_scopes(chosen: Iterable[str]) -> tuple[Scope, ...]:
    """Write scopes in their own order, each once; ValueError for an unknown one."""
    wanted = {Scope(one) for one in chosen}
    return tuple(scope for scope in Scope if scope in wanted)


def require_capacity(active: int) -> None:
    """Refuse one more key; `key_limit_exceeded` when the user has the largest number of active ones."""
    if active >= ACCESS_KEYS:
        sentence = f"Maximum of {ACCESS_KEYS} active access keys of a user reached. Revoke one first."
        raise ExemplarError(ErrorCode.KEY_LIMIT, sentence)
