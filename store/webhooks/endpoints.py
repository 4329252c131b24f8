"""Registered webhook endpoints as they are looked up: the fold of their stream, with the URL beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.webhooks.delivery import Left
from domain.webhooks.endpoint import Endpoint
from domain.webhooks.master_keys import Sealed


@dataclass(frozen=True, slots=True)
class Address:
    """A URL under the name by which the log knows it: a hash whose salt lies here too."""

    digest: str
    url: str = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with what lies beside the log; `failing_since` is the first failure after a success."""

    endpoint: Endpoint
    url: str = field(repr=False)
    salt: bytes = field(repr=False)
    description: str | None = field(repr=False)
    failing_since: datetime | None = None


class EndpointStore(Protocol):
    """Keep endpoints; a row is written only if its version is newer."""

    async def reserve(
        self,
        endpoint_id: str,
        project: str,
        address: Address,
        description: str | None,
        *,
        limit: int,
        now: datetime,
    ) -> None:
        """Keep URL and description of an endpoint to come; LimitReachedError when the project is full."""
        ...

    async def describe(
        self, endpoint_id: str, *, address: Address | None, personal_data: Mapping[str, str | None]
    ) -> None:
        """Keep another URL beside the present one, and other words."""
        ...

    async def write(self, endpoint: Endpoint) -> None:
        """Write the fold if it is newer; a removed endpoint is forgotten."""
        ...

    async def get(self, endpoint_id: str) -> Registered | None: ...

    async def of_project(self, project: str) -> Sequence[Registered]:
        """List a project's endpoints, the oldest first."""
        ...

    async def failed(self, endpoint_id: str, now: datetime) -> datetime:
        """Note a failure; return since when there has been no success."""
        ...

    async def succeeded(self, endpoint_id: str) -> None:
        """Note a success."""
        ...


class OwnerStore(Protocol):
    """Whether those still are there whose events would be sent."""

    async def left(self, project: str, user: str | None) -> Left | None:
        """Tell whether the project, or this user in it, was deleted; None for those that live."""
        ...


class SecretStore(Protocol):
    """The sealed keys that sign for an endpoint, the newest first. They stand here and nowhere else."""

    async def living(self, endpoint_id: str, now: datetime) -> Sequence[Sealed]: ...

    async def first(self, endpoint_id: str, sealed: Sealed) -> Sealed:
        """Keep a first secret unless there is one; return the one that stands."""
        ...

    async def rotate(self, endpoint_id: str, sealed: Sealed, *, now: datetime, until: datetime) -> None:
        """Put a new secret before the living ones, which end at a moment."""
        ...

    async def reseal(self, endpoint_id: str, old: Sealed, new: Sealed) -> None:
        """Keep the same secret under another master key."""
        ...

    async def sealed_otherwise(self, version: int, *, after: str, limit: int) -> Sequence[tuple[str, Sealed]]:
        """List secrets of at most `limit` endpoints behind `after` that another master key sealed."""
        ...

    async def erase(self, endpoint_id: str) -> None: ...
