import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from exemplar.environment import ConfigurationError

ABOUT: Final = "export.json"
MANIFEST: Final = "MANIFEST"
_PARTIAL: Final = ".partial"
_PICTURE: Final = re.compile(r"pictures/[0-9]{6}/([0-9a-f]{64})\.[a-z]+")
_OWN: Final = re.compile(
    r"export\.json|MANIFEST|checkpoint\.txt|key\.txt|witnesses\.txt|verify\.py|index\.html|viewer/[a-z]+\.(js|css)"
    r"|(events|pictures)/[0-9]{6}\.ndjson|viewer/(parts|streams)/[0-9]{6}\.js|" + _PICTURE.pattern
)


class ExportFolder:
    """The folder that an export is written to; a file is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Create the folder, or continue the export in it; ConfigurationError for a folder with anything else."""
        is_new = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            self._lock(descriptor)
            self._require_own()
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir()
            try:
                yield
            finally:
                shutil.rmtree(self.partial, ignore_errors=True)
        finally:
            os.close(descriptor)
            if is_new and not any(self.path.iterdir()):
                self.path.rmdir()  # nothing was exported

    @property
    def partial(self) -> Path:
        """The folder of files that are not complete."""
        return self.path / _PARTIAL

    def about(self) -> dict[str, Any] | None:
        """Read what is exported here; None for a new folder, ConfigurationError for a damaged file."""
        content = self.read(ABOUT)
        try:
            about = None if content is None else json.loads(content)
        except ValueError:
            about = []
        if about is not None and not isinstance(about, dict):
            raise ConfigurationError(f"{self.path / ABOUT} is damaged: name another folder")
        return about

    def read(self, name: str) -> bytes | None:
        """Read a file; None when there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a file; it survives a crash of the machine."""
        target, temporary = self.path / name, self.partial / "file"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)

    def keep(self, folder: str, names: Collection[str]) -> None:
        """Delete all files of a folder but these, and the folder when it becomes empty."""
        path = self.path / folder
        if path.is_dir():
            for one in path.iterdir():
                if f"{folder}/{one.name}" not in names:
                    one.unlink()
            if not names:
                path.rmdir()

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def write_manifest(self) -> None:
        """List all files with their SHA-256 in the order of their paths; a picture's is in its name."""
        temporary = self.partial / "manifest"
        with temporary.open("w") as file:
            file.writelines(f"{self._hash(name)}  {name}\n" for name in self._files("") if name != MANIFEST)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / MANIFEST)

    def _hash(self, name: str) -> str:
        picture = _PICTURE.fullmatch(name)
        return picture[1] if picture else hashlib.sha256((self.path / name).read_bytes()).hexdigest()

    def _files(self, folder: str) -> Iterator[str]:
        with os.scandir(self.path / folder) as entries:
            names = sorted(f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name for one in entries)
        for name in names:
            if not name.endswith("/"):
                yield folder + name
            elif folder + name != f"{_PARTIAL}/":
                yield from self._files(folder + name)

    def _lock(self, descriptor: int) -> None:
        """Lock the folder until the end of the process."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"{self.path} is being written by another export") from None

    def _require_own(self) -> None:
        other = next((name for name in self._files("") if not _OWN.fullmatch(name)), None)
        begun = self.has(ABOUT) or next(self._files(""), None) is None
        if other is not None or not begun:
            named = other or next(self._files(""))
            raise ConfigurationError(f"{self.path} has something else in it ({named}): name an empty folder")
