"""What `exemplar up` needs of the product: accounts and a generation.

Each function imports what it runs when it is called: the servers start sooner without.
"""

# ruff: noqa: PLC0415 - see above

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from exemplar.local.hooks import Demo, Hooks, ProviderAnswer
from exemplar.local.secrets_file import Secrets


def hooks_of(home: Path) -> Hooks:
    """Return the hooks of a home, in which the picture of the demonstration is saved."""

    async def demonstrate(demo: Demo, photos: Sequence[Path]) -> Path:
        from exemplar.demo import generation

        return await generation.demonstrate(demo, photos, folder=home / "pictures")

    return Hooks(
        initiate_replica_set=_initiate_replica_set,
        seed=_seed,
        demonstrate=demonstrate,
        has_picture=_has_picture,
        check_provider=_check_provider,
    )


def _initiate_replica_set(url: str, deadline_s: float) -> None:
    from store.mongo.replica_set import initiate_replica_set

    initiate_replica_set(url, deadline_s)


async def _has_picture(demo: Demo) -> bool:
    from exemplar.demo import generation

    return await generation.has_picture(demo)


async def _check_provider(env: Mapping[str, str]) -> ProviderAnswer:
    from actors.providers.settings import ReplicateSettings
    from exemplar.diagnosis.provider_checks import token_finding

    fields = {name: env[name] for name in ("REPLICATE_API_TOKEN", "REPLICATE_BASE_URL") if env.get(name)}
    finding = await token_finding(ReplicateSettings.model_validate({key.lower(): fields[key] for key in fields}))
    return ProviderAnswer(finding.line, refused=finding.state == "fault")


async def _seed(mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]) -> Demo:
    for module in ("store.adapters", "exemplar.demo.accounts"):
        await asyncio.to_thread(import_module, module)  # long: a signal is to be noticed meanwhile
    from exemplar.clock import now
    from exemplar.demo.accounts import seed
    from exemplar.injection import Dependencies
    from gateway.auth.settings import AuthenticationSettings
    from store.adapters import ADAPTERS, open_prepared
    from store.settings import StoreSettings

    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    peppers = AuthenticationSettings.model_validate({"key_peppers": {1: secrets.key_pepper}})
    async with open_prepared(settings) as database:
        dependencies = Dependencies(ADAPTERS, database=database, holder="up", clock=now)
        return await seed(dependencies.get("account_changes"), peppers, secrets)
