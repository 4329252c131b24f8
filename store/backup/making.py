"""Make a backup of a running system: copy every collection, then keep all changes since the copy began.

A copy is read while its collection changes, so it is consistent only together with the changes that the database
had meanwhile: applying them again leads to the state at their end, whatever the copy has seen of them.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from store.backup.folder import Backup, BackupError, BackupFolder, moment_text, new_backup
from store.mongo.connection import Database, Document, raises_unavailable, resolve
from store.mongo.data_format import DATA_FORMAT

Show = Callable[[int, int], None]

MARK: Final = "backup"
"""The `_id` of the document in `meta` that each backup replaces: where its changes end."""

_RAW: Final = bson.CodecOptions(document_class=RawBSONDocument)
_HISTORY_LOST: Final = frozenset({280, 286})  # ChangeStreamFatalError, ChangeStreamHistoryLost
_RESHAPING: Final = frozenset({"rename", "drop", "dropDatabase"})


@raises_unavailable
class BackupMaker:
    """Writes backups of the database; memory does not grow with it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def make(self, folder: BackupFolder, show: Show) -> Backup:
        """Begin, continue or extend the backup in a folder; raises BackupError."""
        with folder.writing():
            backup = folder.find() or await self._begin(folder)
            if backup.database != self._database.name:
                raise BackupError(f"{folder.path} is a backup of the database {backup.database}")
            if backup.end is None:
                await self._copy_all(folder, backup, show)
            await self._follow(folder, backup)
            return backup

    async def _begin(self, folder: BackupFolder) -> Backup:
        """Remember the point of the majority's history at which the changes begin."""
        pipeline: list[Document] = [{"$changeStream": {}}]
        opened = await self._database.command("aggregate", 1, pipeline=pipeline, cursor={"batchSize": 0})
        cursor = opened["cursor"]
        await self._database.command("killCursors", "$cmd.aggregate", cursors=[cursor["id"]])
        backup = new_backup(self._database.name, DATA_FORMAT, cursor["postBatchResumeToken"]["_data"])
        folder.save(backup)
        return backup

    async def _copy_all(self, folder: BackupFolder, backup: Backup, show: Show) -> None:
        filter_ = {"type": "collection", "name": {"$not": {"$regex": "^system\\."}}}
        names = sorted(await self._database.list_collection_names(filter=filter_))
        counts = {name: await self._database[name].estimated_document_count() for name in names}
        for name in names:
            if name not in backup.copies:
                done = sum(counts[one] for one in names if one in backup.copies)
                await self._copy(name, folder, backup, partial(_show, show, done, sum(counts.values())))

    async def _copy(self, name: str, folder: BackupFolder, backup: Backup, show: Callable[[int], None]) -> None:
        """Copy a collection in the order of its ids, as bytes."""
        rows = self._database.get_collection(name, codec_options=_RAW)
        with folder.written(f"copies/{name}.bson") as writer:
            async for document in rows.find({}).sort("_id", 1):
                writer.add(document.raw)
                show(writer.documents)
        backup.copies[name] = writer.file
        folder.save(backup)

    async def _follow(self, folder: BackupFolder, backup: Backup) -> None:
        """Write the changes from the resume token up to now, which a document of its own marks."""
        mark, copied = uuid4().hex, backup.end is None
        at = {"mark": mark, "backup": backup.id, "at": self._clock()}
        await self._database["meta"].replace_one({"_id": MARK}, at, upsert=True)
        try:
            with folder.written(f"changes/{len(backup.changes) + 1:06}.bson") as writer:
                last = await self._write_changes(backup, mark, writer.add, copied=copied)
        except OperationFailure as error:
            if error.code not in _HISTORY_LOST:
                raise
            raise _history_lost(folder, backup) from None
        except _ReshapedError:
            folder.forget()
            raise BackupError("collections were renamed while they were copied: repeat the command") from None
        backup.changes.append(writer.file)
        backup.resume, backup.end = last["_id"]["_data"], moment_of(last)
        backup.begin = backup.end if copied else backup.begin
        folder.save(backup)

    async def _write_changes(
        self, backup: Backup, mark: str, write: Callable[[bytes], None], *, copied: bool
    ) -> Document:
        stream: Any = await resolve(self._database.watch(start_after={"_data": backup.resume}))
        async with stream:
            async for change in stream:
                if copied and change["operationType"] in _RESHAPING:
                    raise _ReshapedError
                write(bson.encode(change))
                if is_mark(change, mark):
                    return dict(change)
        raise BackupError("MongoDB ended the list of changes")


def _show(show: Show, done: int, total: int, copied: int) -> None:
    show(done + copied, total)


def _history_lost(folder: BackupFolder, backup: Backup) -> BackupError:
    """Forget a first copy that has no end, and never a backup that can be restored; tell what to do."""
    lost = "MongoDB's oplog does not reach back to the last change in this folder"
    advice = "make the oplog larger or run the command more often"
    if backup.end is None:
        folder.forget()
        return BackupError(f"{lost}: repeat the command for a new backup, and {advice}")
    end = moment_text(backup.end)
    return BackupError(f"{lost}: name a new folder; this one stays restorable to {end}. And {advice}")


class _ReshapedError(Exception):
    """A collection was renamed or dropped while collections were copied."""


def is_mark(change: Document, mark: str) -> bool:
    """Tell whether a change is the one that marks the end of a backup."""
    return change["ns"].get("coll") == "meta" and (change.get("fullDocument") or {}).get("mark") == mark


def moment_of(change: Document) -> int:
    """Return the second in which a change was made, by the clock of the replica set, which never goes back."""
    return int(change["clusterTime"].time)
