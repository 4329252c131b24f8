"""Open the store of the environment, or of an `exemplar up`, for a command, and read the settings that belong to it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from domain.accounts.tiers import tiers_with
from domain.errors import ExemplarError
from domain.generation.generation import stream_of
from exemplar.clock import now
from exemplar.commands.account_administration import AccountAdministration
from exemplar.environment import ConfigurationError, Settings, read
from exemplar.injection import Dependencies
from exemplar.local.home import home_of, kept_secret, mongodb_of
from gateway.auth.settings import AuthenticationSettings
from gateway.receipts.settings import ReceiptSettings
from store.adapters import ADAPTERS, open_blobs, open_database, open_objects, prepare, require_format
from store.audit.settings import CheckpointSettings
from store.errors import AlreadyExistsError, ObjectStorageUnavailableError, StoreError
from store.mongo.replica_set import initiate_replica_set
from store.objects.settings import S3Settings
from store.settings import StoreSettings, TierSettings

Result = TypeVar("Result")

_SECRETS: Final[Mapping[type[Any], Callable[[Path], dict[str, Any]]]] = {
    AuthenticationSettings: lambda home: {"key_peppers": {1: kept_secret(home, "key_pepper")}},
    CheckpointSettings: lambda home: {"checkpoint_key": kept_secret(home, "checkpoint_key")},
    ReceiptSettings: lambda home: {"checkpoint_key": kept_secret(home, "checkpoint_key")},
}
"""The settings that a home keeps among its secrets."""


def run_on_store(
    function: Callable[..., Awaitable[Result]], *, home: Path | None, holder: str, **given: object
) -> Result:
    """Call an async function with the adapters of the store, and what is `given`, that it names."""

    async def run() -> Result:
        async with open_store(home, holder=holder) as store:
            store.set(**given)
            return await store.call(function)

    return asyncio.run(run())


def administer(home: Path | None, work: Callable[[AccountAdministration], Awaitable[Result]]) -> Result:
    """Call an async function with the administration of accounts."""

    async def run() -> Result:
        async with open_account_administration(home) as administration:
            return await work(administration)

    return asyncio.run(run())


@asynccontextmanager
async def open_account_administration(home: Path | None) -> AsyncIterator[AccountAdministration]:
    """Open the administration of accounts in the store, as `open_store`."""
    async with open_store(home, holder="accounts") as store:
        await store.call(prepare)
        peppers = settings_of(home, AuthenticationSettings).peppers
        store.set(peppers=peppers, tiers=tiers_with(read(TierSettings).tiers))
        try:
            yield store.call(AccountAdministration)
        except AlreadyExistsError:
            raise ConfigurationError("this address is taken: `exemplar accounts list` shows by whom") from None
        except ExemplarError as error:
            raise ConfigurationError(str(error)) from error


@asynccontextmanager
async def open_store(home: Path | None, *, holder: str) -> AsyncIterator[Dependencies]:
    """Open the store of a home, else of the environment (`home_of`), as its adapters by name.

    Raises ConfigurationError when MongoDB cannot be reached, DataFormatError for data in another format.
    """
    chosen = home_of(home)
    try:
        with _store_settings(chosen) as store_settings:
            async with (
                open_database(store_settings) as database,
                open_objects(store_settings, read(S3Settings), database, record=False) as objects,
            ):
                store = Dependencies(
                    ADAPTERS,
                    database=database,
                    objects=objects,
                    store_settings=store_settings,
                    holder=holder,
                    clock=now,
                )
                await store.call(require_format)
                async with open_blobs(objects, store.bind) as blobs:
                    store.set(blobs=blobs)
                    yield store
    except ObjectStorageUnavailableError:
        raise
    except StoreError as error:
        named = "EXEMPLAR_MONGODB_URL" if chosen is None else str(chosen)
        raise ConfigurationError(f"{named}: MongoDB cannot be reached ({error}): is it running?") from error


async def stream_named(name: str, store: Dependencies) -> str:
    """Return a stream by its name, or that of the generation with this id."""
    return name if await store.get("events").types([name]) else stream_of(name)


def settings_of(home: Path | None, settings: type[Settings]) -> Settings:
    """Read settings of the environment; those that are secrets of the home from there."""
    chosen = home_of(home)
    if chosen is None:
        return _of_environment(settings)
    secrets = _SECRETS.get(settings)
    return read(settings, **(secrets(chosen) if secrets else {}))


@contextmanager
def _store_settings(home: Path | None) -> Iterator[StoreSettings]:
    if home is None:
        yield _of_environment(StoreSettings)
        return
    with mongodb_of(home, initiate_replica_set, _say) as url:
        yield read(StoreSettings, mongodb_url=url)


def _of_environment(settings: type[Settings]) -> Settings:
    try:
        return read(settings)
    except ConfigurationError as error:
        if not str(error).endswith(" is not set"):
            raise
        raise ConfigurationError(f"{error}; for an `exemplar up` name its folder: --home .exemplar") from None


def _say(line: str) -> None:
    sys.stderr.write(f"exemplar: {line}\n")
