from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exemplar.local.mongod import Initiate
from exemplar.local.secrets_file import Secrets

Demo = dict[str, Any]
"""The content of demo.json."""


Seed = Callable[[str, str, Secrets, Mapping[str, str]], Awaitable[Demo]]
"""Create the demonstration accounts, or find them again, once the gateway is ready.

Called at every start with the MongoDB URL, the base URL, the secrets and the environment of the services.
Returns `email, password, project_id, developer_key, api_key, access_key, developer_email, developer_password` of a
cloud_premium account, and the same under `free` of a free_starter one.
"""

Demonstrate = Callable[[Demo, Sequence[Path]], Awaitable[Path]]
"""Submit one generation with these photographs over HTTP, print its events, return the picture's file."""

HasPicture = Callable[[Demo], Awaitable[bool]]
"""Tell whether the demonstration user has a finished picture."""


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the provider says about the token: a line for the user, and whether it refuses."""

    told: str
    refused: bool


CheckProvider = Callable[[Mapping[str, str]], Awaitable[ProviderAnswer]]
"""Ask the provider about the token in the environment of the services, by a request that costs nothing."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The functions that need the product: exemplar.local itself starts servers and processes only."""

    initiate_replica_set: Initiate
    seed: Seed
    demonstrate: Demonstrate
    has_picture: HasPicture
    check_provider: CheckProvider
