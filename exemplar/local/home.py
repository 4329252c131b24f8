"""The home of an `exemplar up` as a command uses it: its secrets, and its MongoDB, running or not."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from exemplar.environment import ConfigurationError, read
from exemplar.local.home_lock import HomeInUseError, locked
from exemplar.local.mongod import DATABASE, Initiate, Mongod, elsewhere, url_of
from exemplar.local.options import HomeSettings
from exemplar.local.pids import reap
from exemplar.local.ports import Ports

SECRETS = "secrets.json"
LEAST_FREE = 500_000_000
"""Bytes: with less on its disk, MongoDB is not started for a command, because a start writes, and may fill the disk."""


def home_of(named: Path | None) -> Path | None:
    """Choose the home whose store a command uses; None: the store of EXEMPLAR_MONGODB_URL.

    A named home comes first, then that variable, then the home of EXEMPLAR_HOME, if it is one.
    """
    if named is not None:
        if not _is_home(named):
            raise ConfigurationError(f"{named} is no folder of an `exemplar up`: `exemplar up` makes one")
        return named
    if os.environ.get("EXEMPLAR_MONGODB_URL"):
        return None
    usual = read(HomeSettings).home
    return usual if _is_home(usual) else None


def kept_secret(home: Path, name: str) -> str:
    """Read a secret of a home, which only `exemplar up` makes."""
    try:
        return str(json.loads((home / SECRETS).read_bytes())[name])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{home / SECRETS} is damaged: it has no {name}") from None


@contextmanager
def mongodb_of(home: Path, initiate: Initiate, say: Callable[[str], None]) -> Iterator[str]:
    """Yield the URL of a home's database: of the server that runs, else of one that runs until the end.

    Call it in the main thread, as `exemplar up`.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(home))
        except HomeInUseError:
            url = _running(home)
        else:
            url = elsewhere(os.environ) or stack.enter_context(_started(home, initiate, say))
        yield url


def _running(home: Path) -> str:
    if url := elsewhere(os.environ):
        return url
    port = Ports(home / "ports.json").known("mongod")
    if port == 0:
        raise ConfigurationError(f"{home} has no MongoDB yet: wait until `exemplar up` is ready")
    return url_of(port, DATABASE)


@contextmanager
def _started(home: Path, initiate: Initiate, say: Callable[[str], None]) -> Iterator[str]:
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE:
        raise ConfigurationError(
            f"nothing runs in {home}, and its MongoDB is not started for this command: its disk is nearly full "
            f"({free / 1_000_000:.0f} MB free): free space first (df -h {home}), then make run"
        )
    say(f"{home} is stopped: its MongoDB runs until this command ends")
    reap(home)
    server = Mongod(home, Ports(home / "ports.json").of("mongod"), os.environ)
    try:
        server.launch()
        server.wait_ready(initiate)
        yield server.url(DATABASE)
    finally:
        server.child.stop()


def _is_home(folder: Path) -> bool:
    return (folder / SECRETS).is_file()
