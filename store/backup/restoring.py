"""Restore a backup into an empty database, to any moment that it reaches."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from store.backup.folder import Backup, BackupError, BackupFile, BackupFolder, moment_text
from store.backup.making import Show, moment_of
from store.mongo.connection import Database, Document, raises_unavailable
from store.mongo.data_format import DATA_FORMAT, FORMAT_KEY

RESTORED: Final = "restored"
"""The `_id` of the document in `meta` that tells of the last restoration."""

_META: Final = "meta"
_RAW: Final = bson.CodecOptions(document_class=RawBSONDocument)
_DECODED: Final[bson.CodecOptions[Document]] = bson.CodecOptions(tz_aware=True)
_BATCH_BYTES: Final = 8 * 2**20
_BATCH: Final = 500

Write = ReplaceOne[Document] | UpdateOne | DeleteOne


@raises_unavailable
class BackupRestorer:
    """Fills the database from a backup; no process of the product may run on it.

    The number of the data format is written last: no process starts on half of a database.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def restore(
        self, folder: BackupFolder, at: datetime | None, show: Show, create_indexes: Callable[[], Awaitable[None]]
    ) -> datetime:
        """Restore the state at the end of a second, by default all of the backup; return the second of its last change.

        Raises BackupError for a damaged backup, one that does not reach the moment, and a database that is not empty.
        """
        backup = folder.complete()
        until = _reached(backup, at)
        if await self._database.list_collection_names():
            raise BackupError(f"the database {self._database.name} is not empty: name another one, or drop it")
        for file in backup.files:
            folder.check(file)
        await self._fill(folder, backup, show)
        last = await self._apply_all(folder, backup, until)
        await create_indexes()
        await self._finish(backup, last)
        return last

    async def _fill(self, folder: BackupFolder, backup: Backup, show: Show) -> None:
        done, total = 0, sum(file.documents for file in backup.copies.values())
        for name, file in backup.copies.items():
            await self._database.create_collection(name)
            rows = self._database.get_collection(name, codec_options=_RAW)
            for batch in _batches(folder, file):
                kept = [one for one in batch if name != _META or one["_id"] != FORMAT_KEY]
                if kept:
                    await rows.insert_many(kept, ordered=False)
                done += len(batch)
                show(done, total)

    async def _apply_all(self, folder: BackupFolder, backup: Backup, until: int | None) -> datetime:
        """Apply the changes up to a second, or all, in their order; return the second of the last one.

        The first file has those that were made while collections were copied: only all of them are consistent.
        """
        last = await self._apply(_changes(folder, backup.changes[:1]), strict=False)
        later = _changes(folder, backup.changes[1:])
        if until is not None:
            later = takewhile(lambda one: moment_of(one[0]) <= until, later)
        last = max(last, await self._apply(later, strict=True))
        return datetime.fromtimestamp(last, UTC)

    async def _apply(self, changes: Iterable[tuple[Document, int]], *, strict: bool) -> int:
        last, pending, size, name = 0, list[Write](), 0, ""
        for change, length in changes:
            last = max(last, moment_of(change))
            collection, kind = change["ns"].get("coll", ""), change["operationType"]
            full = len(pending) >= _BATCH or size >= _BATCH_BYTES
            if full or collection != name or kind not in _WRITES:
                await self._write(name, pending, strict=strict)
                pending, size = [], 0
            name, size = collection, size + length
            if kind in _WRITES:
                pending += _WRITES[kind](change)
            else:
                await self._reshape(change)
        await self._write(name, pending, strict=strict)
        return last

    async def _write(self, name: str, writes: list[Write], *, strict: bool) -> None:
        """Make writes in order; those that a later state of a copied document does not admit are left out.

        strict: the state is consistent, so that every write must succeed.
        """
        while writes:
            try:
                await self._database[name].bulk_write(writes, ordered=True)
            except BulkWriteError as error:
                if strict:
                    raise BackupError(f"a change of {name} does not fit: {error.details['writeErrors']}") from error
                writes = writes[error.details["writeErrors"][0]["index"] + 1 :]
            else:
                return

    async def _reshape(self, change: Document) -> None:
        source = change["ns"].get("coll", "")
        match change["operationType"]:
            case "rename":
                await self._database[source].rename(change["to"]["coll"], dropTarget=True)
            case "drop":
                await self._database[source].drop()
            case kind:
                raise BackupError(f"the backup has a change that cannot be restored: {kind}")

    async def _finish(self, backup: Backup, last: datetime) -> None:
        """Remember the restoration, then let processes start."""
        told = {"backup": backup.id, "moment": last, "at": self._clock()}
        await self._database[_META].replace_one({"_id": RESTORED}, told, upsert=True)
        await self._database[_META].insert_one({"_id": FORMAT_KEY, "version": backup.data_format})


def _reached(backup: Backup, at: datetime | None) -> int | None:
    begin, end = backup.begin or 0, backup.end or 0
    if backup.data_format != DATA_FORMAT:
        raise BackupError(f"the backup has data format {backup.data_format}: restore it with the version that made it")
    until = None if at is None else int(at.timestamp())
    if until is not None and not begin <= until <= end:
        raise BackupError(f"the backup reaches from {moment_text(begin)} to {moment_text(end)}")
    return until


def _batches(folder: BackupFolder, file: BackupFile) -> Iterator[list[Any]]:
    with folder.open(file) as opened:
        batch, size = list[Any](), 0
        for document in bson.decode_file_iter(opened, _RAW):
            batch.append(document)
            size += len(document.raw)
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _changes(folder: BackupFolder, files: Iterable[BackupFile]) -> Iterator[tuple[Document, int]]:
    """Read the changes with their bytes."""
    for file in files:
        with folder.open(file) as opened:
            for change in bson.decode_file_iter(opened, _RAW):
                yield bson.decode(change.raw, _DECODED), len(change.raw)


def _replaced(change: Document) -> list[Write]:
    return [ReplaceOne(change["documentKey"], change["fullDocument"], upsert=True)]


def _deleted(change: Document) -> list[Write]:
    return [DeleteOne(change["documentKey"])]


def _updated(change: Document) -> list[Write]:
    """Write an update as operators; an array is shortened first."""
    key, description = change["documentKey"], change["updateDescription"]
    writes: list[Write] = []
    for cut in description.get("truncatedArrays", ()):
        field, size = cut["field"], cut["newSize"]
        kept = {"$slice": [f"${field}", size]} if size else []
        whole = {"$cond": [{"$isArray": [f"${field}"]}, kept, f"${field}"]}
        writes.append(UpdateOne(key, [{"$set": {field: whole}}]))
    changed = {"$set": description["updatedFields"], "$unset": dict.fromkeys(description["removedFields"], "")}
    if operators := {name: fields for name, fields in changed.items() if fields}:
        writes.append(UpdateOne(key, operators))
    return writes


_WRITES: Final[dict[str, Callable[[Document], list[Write]]]] = {
    "insert": _replaced,
    "replace": _replaced,
    "update": _updated,
    "delete": _deleted,
}
