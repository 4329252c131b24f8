"""What `exemplar up` needs of the product: accounts, a login and a generation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from exemplar.clock import now
from exemplar.demo import generation
from exemplar.demo.accounts import Demo, seed
from exemplar.local.hooks import Hooks
from exemplar.local.secrets_file import Secrets
from gateway.auth.authentication import AuthenticationSettings
from store.mongo.replica_set import initiate_replica_set
from store.mongo.store import MongoStore
from store.settings import StoreSettings


def hooks_of(home: Path) -> Hooks:
    """Return the hooks of a home, in which the picture of the demonstration is saved."""

    async def demonstrate(demo: Demo, photos: Sequence[Path]) -> Path:
        return await generation.demonstrate(demo, photos, home / "pictures")

    return Hooks(
        initiate_replica_set=initiate_replica_set,
        seed=_seed,
        sign_in=generation.sign_in,
        demonstrate=demonstrate,
    )


async def _seed(mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]) -> Demo:
    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    peppers = AuthenticationSettings.model_validate({"key_peppers": {1: secrets.key_pepper}})
    store = MongoStore.open(settings, holder="up", clock=now)
    try:
        return await seed(store.account_changes(now), peppers, secrets)
    finally:
        store.close()
