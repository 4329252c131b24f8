"""Open an operator's office on the store of the environment, or of a running `exemplar up`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from commands.office import Office
from domain.credentials import Peppers
from domain.errors import ExemplarError
from domain.tiers import TierSettings, tiers_with
from environment import ConfigurationError, read
from gateway.accounts.authentication import AuthenticationSettings
from store.accounts.slots import AlreadyExistsError
from store.errors import StoreError
from store.mongo.store import MongoStore
from store.settings import StoreSettings


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_office(home: Path | None) -> AsyncIterator[Office]:
    """Open the store of the environment, or that of a running `exemplar up` whose folder is `home`."""
    settings, peppers = _from_environment() if home is None else _from_home(home)
    store = MongoStore.open(settings, holder="accounts", clock=now)
    try:
        await asyncio.gather(store.accounts.ensure_indexes(), store.drafts.ensure_indexes())
        changes = store.account_changes(now)
        platform = store.platform_changes(now)
        yield Office(store.accounts, changes, platform, peppers, tiers_with(read(TierSettings).tiers))
    except AlreadyExistsError:
        raise ConfigurationError("this address is taken: `exemplar accounts list` shows by whom") from None
    except StoreError as error:
        raise ConfigurationError(f"MongoDB cannot be reached ({error}): is it running?") from error
    except ExemplarError as error:
        raise ConfigurationError(str(error)) from error
    finally:
        store.close()


def _from_environment() -> tuple[StoreSettings, Peppers]:
    try:
        return read(StoreSettings), read(AuthenticationSettings).peppers
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; for a running `exemplar up` name its folder: --home .exemplar"
        ) from None


def _from_home(home: Path) -> tuple[StoreSettings, Peppers]:
    try:
        demo = json.loads((home / "demo.json").read_bytes())
        kept = json.loads((home / "secrets.json").read_bytes())
        settings = StoreSettings.model_validate({"mongodb_url": demo["mongodb_url"]})
        return settings, Peppers({1: kept["key_pepper"]})
    except (OSError, ValueError, KeyError):
        raise ConfigurationError(f"{home} is no folder of a running `exemplar up`: start it first") from None
