"""One server for all worker processes of a run: the first that needs it starts it, and stops it after the last user."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from tests.systems.servers import Startable

Server = TypeVar("Server", bound=Startable)


class SharedServer(Generic[Server]):
    """The server of a folder; every process makes it with the same address, which a file in its home keeps."""

    def __init__(self, folder: Path, make: Callable[[Path], Server]) -> None:
        self._home, self._is_own = folder / "home", False
        self._home.mkdir(parents=True, exist_ok=True)
        with (folder / "joining").open("w") as joining:
            fcntl.flock(joining, fcntl.LOCK_EX)
            self._using = (folder / "using").open("w")
            fcntl.flock(self._using, fcntl.LOCK_SH)
            self._home.mkdir(exist_ok=True)
            self.server = make(self._home)
            if not (self._home / "started").exists():
                self._start()

    def _start(self) -> None:
        self._is_own = True
        try:
            self.server.start()
        except BaseException:
            self.server.stop()
            raise
        (self._home / "started").touch()

    def leave(self) -> None:
        """Use it no more. The process that has started it waits until no other uses it, stops it and removes its data.

        One that joins meanwhile waits for the end of this call, and starts it anew.
        """
        if self._is_own:
            fcntl.flock(self._using, fcntl.LOCK_EX)
            self.server.stop()
            shutil.rmtree(self._home)
        self._using.close()
