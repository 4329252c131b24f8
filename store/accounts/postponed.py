import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from store.errors import StoreUnavailableError

POSTPONED_SECONDS: Final = 600.0

log = structlog.get_logger()


class Postponed:
    """The projects and users that could not be erased: left out for ten minutes, so that they keep no other waiting."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def ids(self) -> list[str]:
        now = self._monotonic()
        self._until = {name: until for name, until in self._until.items() if now < until}
        return [*self._until]

    def add(self, name: str) -> None:
        self._until[name] = self._monotonic() + POSTPONED_SECONDS

    @contextmanager
    def isolated(self, name: str) -> Iterator[None]:
        """Log an error and postpone what failed; raise StoreUnavailableError."""
        try:
            yield
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - what is damaged must not keep the data of others
            log.warning("erasure_failed", id=name, error=error)
            self.add(name)
