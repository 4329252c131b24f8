"""Open the store of the environment, or of a running `exemplar up`, and an operator's office on it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.accounts.credentials import Peppers
from domain.accounts.tiers import TierSettings, tiers_with
from domain.errors import ExemplarError
from exemplar.clock import now
from exemplar.commands.account_administration import AccountAdministration
from exemplar.environment import ConfigurationError, Settings, read
from gateway.auth.authentication import AuthenticationSettings
from store.accounts.slots import AlreadyExistsError
from store.errors import StoreError
from store.mongo.store import MongoStore
from store.settings import StoreSettings


@asynccontextmanager
async def open_account_administration(home: Path | None) -> AsyncIterator[AccountAdministration]:
    """Open the store of the environment, or that of a running `exemplar up` whose folder is `home`."""
    async with open_store(home, holder="accounts") as store:
        peppers = _peppers(home)
        await store.prepare()
        changes = store.account_changes(now)
        platform = store.platform_changes(now)
        try:
            yield AccountAdministration(
                store.accounts, changes, platform, peppers, tiers_with(read(TierSettings).tiers)
            )
        except AlreadyExistsError:
            raise ConfigurationError(
                "this address is taken: `exemplar accounts list` shows by whom"
            ) from None
        except ExemplarError as error:
            raise ConfigurationError(str(error)) from error


@asynccontextmanager
async def open_store(home: Path | None, *, holder: str) -> AsyncIterator[MongoStore]:
    """Open the store of the environment, or that of a running `exemplar up`; say in one line if it is out."""
    named = "EXEMPLAR_MONGODB_URL" if home is None else str(home)
    store = MongoStore.open(store_settings(home), holder=holder, clock=now)
    try:
        yield store
    except StoreError as error:
        raise ConfigurationError(f"{named}: MongoDB cannot be reached ({error}): is it running?") from error
    finally:
        store.close()


def store_settings(home: Path | None) -> StoreSettings:
    if home is None:
        return _of_environment(StoreSettings)
    return StoreSettings.model_validate({"mongodb_url": _kept(home, "demo.json", "mongodb_url")})


def _peppers(home: Path | None) -> Peppers:
    if home is None:
        return _of_environment(AuthenticationSettings).peppers
    return Peppers({1: _kept(home, "secrets.json", "key_pepper")})


def _of_environment(settings: type[Settings]) -> Settings:
    try:
        return read(settings)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; for a running `exemplar up` name its folder: --home .exemplar"
        ) from None


def _kept(home: Path, file: str, name: str) -> str:
    """Read what `exemplar up` keeps in its folder."""
    try:
        return str(json.loads((home / file).read_bytes())[name])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{home} is no folder of a running `exemplar up`: start it first") from None
