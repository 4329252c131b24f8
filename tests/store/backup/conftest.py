import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.backup.folder import Backup, BackupFolder
from store.backup.making import BackupMaker
from store.backup.restoring import BackupRestorer
from store.mongo.connection import Database, Document, open_database
from store.mongo.data_format import record_format
from tests.stores import settings_for

NOW = datetime(2026, 11, 28, tzinfo=UTC)


async def no_indexes() -> None: ...


def unseen(_: int, __: int) -> None: ...


@pytest.fixture
async def source(unprepared_url: str) -> AsyncIterator[Database]:
    async with open_database(settings_for(unprepared_url)) as database:
        await record_format(database)
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backup")


@pytest.fixture
async def restored(source: Database) -> AsyncIterator[Callable[..., Awaitable[dict[str, list[Document]]]]]:
    """Restore into a database beside the source; return the documents of every collection."""
    target = source.client.get_database(f"{source.name}_restored")

    async def restore(folder: BackupFolder, at: datetime | None = None) -> dict[str, list[Document]]:
        await source.client.drop_database(target.name)
        await BackupRestorer(target, lambda: NOW).restore(folder, at, unseen, no_indexes)
        return await contents(target)

    yield restore
    await source.client.drop_database(target.name)


async def backed_up(source: Database, folder: BackupFolder) -> Backup:
    return await BackupMaker(source, lambda: NOW).make(folder, unseen)


async def contents(database: Database) -> dict[str, list[Document]]:
    """Read every collection but what backups write themselves."""
    names = sorted(await database.list_collection_names())
    rows = await asyncio.gather(*(database[name].find({}).sort("_id", 1).to_list(None) for name in names))
    return {name: found for name, found in zip(names, rows, strict=True) if name != "meta"}
