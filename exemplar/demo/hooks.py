"""What `exemplar up` needs of the product: accounts and a generation."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from actors.providers.settings import ReplicateSettings
from exemplar.clock import now
from exemplar.demo import generation
from exemplar.demo.accounts import seed
from exemplar.diagnosis.provider_checks import token_finding
from exemplar.injection import Dependencies
from exemplar.local.hooks import Demo, Hooks, ProviderAnswer
from exemplar.local.secrets_file import Secrets
from gateway.auth.settings import AuthenticationSettings
from store.adapters import ADAPTERS, open_prepared
from store.mongo.replica_set import initiate_replica_set
from store.settings import StoreSettings


def hooks_of(home: Path) -> Hooks:
    """Return the hooks of a home, in which the picture of the demonstration is saved."""
    return Hooks(
        initiate_replica_set=initiate_replica_set,
        seed=_seed,
        demonstrate=partial(generation.demonstrate, folder=home / "pictures"),
        has_picture=generation.has_picture,
        check_provider=_check_provider,
    )


async def _check_provider(env: Mapping[str, str]) -> ProviderAnswer:
    fields = {name: env[name] for name in ("REPLICATE_API_TOKEN", "REPLICATE_BASE_URL") if env.get(name)}
    finding = await token_finding(ReplicateSettings.model_validate({key.lower(): fields[key] for key in fields}))
    return ProviderAnswer(finding.line, refused=finding.state == "fault")


async def _seed(mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]) -> Demo:
    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    peppers = AuthenticationSettings.model_validate({"key_peppers": {1: secrets.key_pepper}})
    async with open_prepared(settings) as database:
        dependencies = Dependencies(ADAPTERS, database=database, holder="up", clock=now)
        return await seed(dependencies.get("account_changes"), peppers, secrets)
