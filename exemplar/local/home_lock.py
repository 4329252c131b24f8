"""The lock of a home: one process at a time runs its servers."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exemplar.environment import ConfigurationError


class HomeInUseError(ConfigurationError):
    """Another process runs the servers of this home."""


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock a home for this process; raise HomeInUseError with the process that holds it.

    The kernel releases the lock at the end of the process.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_HOME {home} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "another process"
            raise HomeInUseError(
                f"{home} is in use by a running exemplar (process {holder}): "
                "stop it, or set EXEMPLAR_HOME to another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
