from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from exemplar.local.mongod import Initiate
from exemplar.local.secrets_file import Secrets

Demo = dict[str, Any]
"""The content of demo.json."""


class Seed(Protocol):
    """Make the demonstration accounts, or find them again: every start calls it, after the gateway is ready.

    Returns what demo.json says of accounts: `email, password, project_id, developer_key, api_key,
    developer_email, developer_password` of a cloud_premium account, and the first five under `free` of a
    free_starter one. `env` is what the services run with.
    """

    def __call__(
        self, mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]
    ) -> Awaitable[Demo]: ...


class SignIn(Protocol):
    """Return an access token of the demonstration's end user, over HTTP."""

    def __call__(self, demo: Demo) -> Awaitable[str]: ...


class Demonstrate(Protocol):
    """Send one real generation over HTTP, show its events as they happen, return the file of its picture."""

    def __call__(self, demo: Demo, photos: Sequence[Path]) -> Awaitable[Path]: ...


@dataclass(frozen=True, slots=True)
class Hooks:
    """Hand in what needs the product: this room knows servers and processes only."""

    initiate_replica_set: Initiate
    seed: Seed
    sign_in: SignIn
    demonstrate: Demonstrate
