"""The folder of a backup: BSON files with their SHA-256, and one file that names them."""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

FORMAT: Final = 1
_ABOUT: Final = "backup.json"
_CHUNK: Final = 2**20


class BackupError(Exception):
    """The backup cannot be made, continued, read or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A complete file: its path in the folder, how many documents and bytes it has, and the SHA-256 of these."""

    name: str
    documents: int
    bytes: int
    sha256: str


@dataclass(slots=True)
class Backup:
    """What a folder holds.

    resume: the token from which the next changes are read. Moments are Unix times in seconds: the copies and `changes`
    together are consistent from `begin` on, and reach to `end`.
    """

    id: str
    database: str
    data_format: int
    resume: str
    copies: dict[str, BackupFile] = field(default_factory=dict)
    changes: list[BackupFile] = field(default_factory=list)
    begin: int | None = None
    end: int | None = None

    @property
    def files(self) -> list[BackupFile]:
        return [*self.copies.values(), *self.changes]


class BackupFolder:
    """The folder that a backup is written to and read from; a file is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Create the folder, readable by its owner alone, and lock it until the end of the block."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._require_own()
            yield
        except BlockingIOError:
            raise BackupError(f"{self.path} is being written by another process") from None
        finally:
            os.close(descriptor)

    def find(self) -> Backup | None:
        """Read what the folder holds; None when nothing was begun. Raises BackupError for a damaged file."""
        try:
            about = json.loads((self.path / _ABOUT).read_bytes())
            if about.pop("format") != FORMAT:
                raise BackupError(f"{self.path} was written by another version of exemplar")
            about["copies"] = {name: BackupFile(**one) for name, one in about["copies"].items()}
            about["changes"] = [BackupFile(**one) for one in about["changes"]]
            return Backup(**about)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupError(f"{self.path / _ABOUT} is damaged") from None

    def complete(self) -> Backup:
        """Read a backup that can be restored; raises BackupError for any other folder."""
        backup = self.find()
        if backup is None:
            raise BackupError(f"{self.path} is no backup")
        if backup.end is None:
            raise BackupError(f"{self.path} is not complete: repeat `exemplar backup create`")
        return backup

    def save(self, backup: Backup) -> None:
        """Replace the file that names all others."""
        with self._replaced(_ABOUT) as file:
            file.write(json.dumps({"format": FORMAT, **asdict(backup)}, indent=1).encode())

    @contextmanager
    def written(self, name: str) -> Iterator["BackupWriter"]:
        """Write a file of documents, which is there when the block ends."""
        with self._replaced(name) as file:
            yield BackupWriter(name, file)

    def open(self, file: BackupFile) -> BinaryIO:
        return (self.path / file.name).open("rb")

    def check(self, file: BackupFile) -> None:
        """Compare a file with its SHA-256; raises BackupError."""
        digest = hashlib.sha256()
        try:
            with self.open(file) as opened:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise BackupError(f"{self.path / file.name}: {error.strerror}") from None
        if digest.hexdigest() != file.sha256:
            raise BackupError(f"{self.path / file.name} is damaged: it is not the file that was written")

    def forget(self) -> None:
        """Forget everything: the next backup here begins anew."""
        (self.path / _ABOUT).unlink(missing_ok=True)

    @contextmanager
    def _replaced(self, name: str) -> Iterator[BinaryIO]:
        target = self.path / name
        partial = target.with_name(f".{target.name}.partial")
        target.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)

    def _require_own(self) -> None:
        if not (self.path / _ABOUT).exists() and any(self.path.iterdir()):
            known = {"copies", "changes", f".{_ABOUT}.partial"}
            if other := {one.name for one in self.path.iterdir()} - known:
                raise BackupError(f"{self.path} has something else in it ({min(other)}): name an empty folder")


class BackupWriter:
    """Appends documents to a file, counts and hashes them."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name, self._file = name, file
        self._digest = hashlib.sha256()
        self.documents = self.bytes = 0

    def add(self, document: bytes) -> None:
        self._file.write(document)
        self._digest.update(document)
        self.documents += 1
        self.bytes += len(document)

    @property
    def file(self) -> BackupFile:
        return BackupFile(self._name, self.documents, self.bytes, self._digest.hexdigest())


def moment_text(moment: int) -> str:
    """Write a moment as people and `--at` do (RFC 3339)."""
    return datetime.fromtimestamp(moment, UTC).isoformat()


def new_backup(database: str, data_format: int, resume: Any) -> Backup:
    """Describe a backup that has begun at a resume token."""
    return Backup(secrets.token_hex(8), database, data_format, str(resume))
