"""A small file system of its own for the data of a mongod, which can be filled."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.systems.servers import MongoServer

FREE_MIB = 256


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory."""

    folder: Path

    def fill(self, *, to: float = 1.0) -> None:
        """Write until so much of it is used; until there is no room."""
        block = bytes(1024 * 1024)
        with self._filler.open("wb", buffering=0) as filler, suppress(OSError):
            while to == 1.0 or self._used() < to:
                filler.write(block)

    def _used(self) -> float:
        usage = shutil.disk_usage(self.folder)
        return usage.used / usage.total

    def empty(self) -> None:
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


@asynccontextmanager
async def small_disk(mongod: MongoServer) -> AsyncIterator[SmallDisk | None]:
    """Move the data of a mongod to a small disk, and back; None where this process may not mount one."""
    if os.geteuid() != 0:
        yield None
        return
    data, kept = mongod.data, mongod.data.with_name("mongod.kept")
    mongod.terminate()
    data.rename(kept)
    data.mkdir()
    used = sum(file.stat().st_size for file in kept.rglob("*") if file.is_file())
    _run("mount", "-t", "tmpfs", "-o", f"size={used // 2**20 + FREE_MIB}m", "tmpfs", str(data))
    shutil.copytree(kept, data, dirs_exist_ok=True)
    await mongod.lose(seconds=0)
    try:
        yield SmallDisk(data)
    finally:
        mongod.terminate()
        shutil.rmtree(kept)
        shutil.copytree(data, kept)
        _run("umount", str(data))
        data.rmdir()
        kept.rename(data)
        await mongod.lose(seconds=0)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
