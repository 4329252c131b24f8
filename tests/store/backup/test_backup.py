"""A backup of a database that is written to meanwhile is restored to any moment that it reaches."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import bson
import pytest
from pymongo.errors import OperationFailure

from store.backup import making
from store.backup.folder import Backup, BackupError, BackupFolder, moment_text
from store.backup.making import BackupMaker
from store.errors import DataFormatError
from store.mongo.connection import Database, Document
from store.mongo.data_format import require_format
from tests.store.backup.conftest import NOW, backed_up, contents, unseen

Restored = Callable[..., Awaitable[dict[str, list[Document]]]]


async def write(database: Database, chance: random.Random) -> None:
    """Make one of the writes that the product makes: also arrays that shrink and members that change their kind."""
    rows, key = database[chance.choice(("quota", "rows"))], {"_id": chance.randrange(12)}
    match chance.randrange(7):
        case 0:
            await rows.replace_one(key, {"list": [*range(chance.randrange(9))], "n": 1}, upsert=True)
        case 1:
            await rows.update_one(key, {"$inc": {"n": 1, "used.2026-11": 2}})
        case 2:
            await rows.update_one(key, {"$push": {"list": {"$each": [1, 2], "$slice": -3}}})
        case 3:
            await rows.update_one(key, {"$set": {"used": 5, "list": [{"a": 1}]}, "$unset": {"n": ""}})
        case 4:
            await rows.update_one(key, [{"$set": {"list": {"$slice": ["$list", 2]}, "used": {"$literal": {}}}}])
        case 5:
            await rows.update_one(key, {"$set": {"list.0.a": chance.random()}})
        case _:
            await rows.delete_one(key)


async def write_many(database: Database, chance: random.Random, times: int) -> None:
    for _ in range(times):
        try:
            await write(database, chance)
        except OperationFailure as error:
            if error.code not in (2, 14, 28):  # the member has another kind
                raise


async def test_a_copy_of_what_changes_meanwhile_is_restored_as_it_is_at_the_end(
    source: Database, folder: BackupFolder, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    await write_many(source, chance, 60)
    copy = BackupMaker._copy

    async def interrupted(self: BackupMaker, name: str, *rest: object) -> None:
        await write_many(source, chance, 40)
        await copy(self, name, *rest)  # type: ignore[arg-type]
        await write_many(source, chance, 40)

    monkeypatch.setattr(BackupMaker, "_copy", interrupted)
    await backed_up(source, folder)
    expected = await contents(source)
    assert expected["rows"]
    await write_many(source, chance, 20)
    assert await restored(folder) == expected


async def test_the_same_folder_takes_what_has_changed_since_and_any_moment_is_restored(
    source: Database, folder: BackupFolder, restored: Restored
) -> None:
    chance = random.Random(2)
    await write_many(source, chance, 40)
    await backed_up(source, folder)
    await write_many(source, chance, 25)
    await backed_up(source, folder)
    await write_many(source, chance, 25)
    moment, expected = datetime.now(UTC), await contents(source)
    await asyncio.sleep(1 - moment.microsecond / 1e6 + 0.001)  # a moment is a whole second
    await write_many(source, chance, 25)
    last = await contents(source)
    await backed_up(source, folder)
    assert await restored(folder, moment) == expected != last
    assert await restored(folder) == last


async def test_a_wall_clock_that_ran_ahead_takes_nothing_from_a_restoration(
    source: Database, folder: BackupFolder, restored: Restored
) -> None:
    await backed_up(source, folder)
    await source["rows"].insert_many([{"_id": 1}, {"_id": 2}])
    backup = await backed_up(source, folder)
    changes = bson.decode_all((folder.path / backup.changes[1].name).read_bytes())
    changes[0]["wallTime"] = datetime(2040, 1, 1, tzinfo=UTC)
    with folder.written(backup.changes[1].name) as writer:
        for change in changes:
            writer.add(bson.encode(change))
    backup.changes[1] = writer.file
    folder.save(backup)
    for moment in (None, datetime.fromtimestamp(backup.end or 0, UTC)):
        assert await restored(folder, moment) == {"rows": [{"_id": 1}, {"_id": 2}]}


async def test_a_collection_that_replaced_another_is_restored(
    source: Database, folder: BackupFolder, restored: Restored
) -> None:
    await source["rows"].insert_many([{"_id": 1}, {"_id": 2}])
    await source["green"].insert_one({"_id": 3})
    await backed_up(source, folder)
    await source["green"].insert_one({"_id": 4})
    await source["green"].rename("rows", dropTarget=True)
    await source["rows"].insert_one({"_id": 5})
    await backed_up(source, folder)
    assert await restored(folder) == {"rows": [{"_id": 3}, {"_id": 4}, {"_id": 5}]}


async def test_a_copy_over_which_a_collection_was_renamed_begins_anew(
    source: Database, folder: BackupFolder, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source["green"].insert_one({"_id": 3})
    copy = BackupMaker._copy_all

    async def renamed(self: BackupMaker, *rest: object) -> None:
        await copy(self, *rest)  # type: ignore[arg-type]
        await source["green"].rename("rows")

    with monkeypatch.context() as patched:
        patched.setattr(BackupMaker, "_copy_all", renamed)
        with pytest.raises(BackupError, match="repeat the command"):
            await backed_up(source, folder)
    await backed_up(source, folder)
    assert await restored(folder) == {"rows": [{"_id": 3}]}


async def test_an_interrupted_backup_goes_on_with_what_is_missing(
    source: Database, folder: BackupFolder, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source["a"].insert_one({"_id": 1})
    await source["b"].insert_one({"_id": 1})
    copied, copy = list[str](), BackupMaker._copy

    async def noted(self: BackupMaker, name: str, *rest: object) -> None:
        copied.append(name)
        if copied.count("b") == 1:
            await source["a"].insert_one({"_id": 2})
            raise asyncio.CancelledError
        await copy(self, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(BackupMaker, "_copy", noted)
    with pytest.raises(asyncio.CancelledError):
        await backed_up(source, folder)
    with pytest.raises(BackupError, match="not complete"):
        folder.complete()
    await backed_up(source, folder)
    assert copied.count("a") == 1
    assert await restored(folder) == {"a": [{"_id": 1}, {"_id": 2}], "b": [{"_id": 1}]}


async def test_no_process_starts_on_half_of_a_restored_database(
    source: Database, folder: BackupFolder, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source["rows"].insert_one({"_id": 1})
    await backed_up(source, folder)
    monkeypatch.setattr("store.backup.restoring.BackupRestorer._finish", lambda *_: asyncio.sleep(0))
    await restored(folder)
    with pytest.raises(DataFormatError, match="without a format number"):
        await require_format(source.client.get_database(f"{source.name}_restored"))


async def test_files_are_for_their_owner_alone_and_one_changed_byte_is_found(
    source: Database, folder: BackupFolder, restored: Restored
) -> None:
    await source["rows"].insert_one({"_id": 1, "text": "words"})
    backup = await backed_up(source, folder)
    files = [folder.path / file.name for file in backup.files]
    assert {file.stat().st_mode & 0o777 for file in (*files, folder.path / "backup.json")} == {0o600}
    assert folder.path.stat().st_mode & 0o777 == 0o700
    chosen = folder.path / backup.copies["rows"].name
    chosen.write_bytes(chosen.read_bytes().replace(b"words", b"wards"))
    with pytest.raises(BackupError, match="is damaged"):
        await restored(folder)


async def test_refusals_say_what_is_wrong(
    source: Database, folder: BackupFolder, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = await backed_up(source, folder)
    for moment in (datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)):
        with pytest.raises(BackupError, match="the backup reaches from"):
            await restored(folder, moment)
    monkeypatch.setattr(making, "DATA_FORMAT", 999)
    backup.data_format = 999
    folder.save(backup)
    with pytest.raises(BackupError, match="data format 999"):
        await restored(folder)
    (folder.path / "backup.json").write_text("{")
    with pytest.raises(BackupError, match="is damaged"):
        await backed_up(source, folder)
    other = BackupFolder(folder.path.parent)
    with pytest.raises(BackupError, match="something else"):
        await BackupMaker(source, lambda: NOW).make(other, unseen)


async def test_a_backup_that_the_oplog_does_not_reach_any_more_stays_restorable(
    source: Database, folder: BackupFolder, restored: Restored
) -> None:
    await source["rows"].insert_one({"_id": 1})
    backup = await backed_up(source, folder)
    _begun_long_ago(folder, backup)
    with pytest.raises(BackupError, match="name a new folder; this one stays restorable to") as refused:
        await backed_up(source, folder)
    assert moment_text(backup.end or 0) in str(refused.value)
    assert folder.complete() == backup
    assert await restored(folder) == {"rows": [{"_id": 1}]}


async def test_a_first_copy_that_outlasted_the_oplog_begins_anew(source: Database, folder: BackupFolder) -> None:
    backup = await backed_up(source, folder)
    backup.changes, backup.begin, backup.end = [], None, None
    _begun_long_ago(folder, backup)
    with pytest.raises(BackupError, match="repeat the command"):
        await backed_up(source, folder)
    assert (await backed_up(source, folder)).id != backup.id


def _begun_long_ago(folder: BackupFolder, backup: Backup) -> None:
    backup.resume = "82" + "0" * 7 + "1" + backup.resume[10:]
    folder.save(backup)
