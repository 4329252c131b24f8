"""The file of an operator's word list, read again when it changes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from domain.submission.word_list import WordList, parse_word_list

CHECK_EVERY: Final = 5.0
"""Seconds after which the file is looked at again."""

_log = structlog.get_logger()
_Version = tuple[int, int, int]


@dataclass(slots=True)
class WordListFile:
    """Keep the list of a file; raises OSError and ValueError for one that cannot be read at the start.

    A file that cannot be read later is logged once, and the list before it stays.
    """

    path: Path
    monotonic: Callable[[], float] = time.monotonic
    _list: WordList = field(init=False)
    _version: _Version = field(init=False)
    _checked_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._version, self._list = _read(self.path)
        self._checked_at = self.monotonic()

    async def current(self) -> WordList:
        """Return the list as the file has it, or had it five seconds ago."""
        if self.monotonic() - self._checked_at >= CHECK_EVERY:
            self._checked_at = self.monotonic()
            await asyncio.to_thread(self._refresh)
        return self._list

    def _refresh(self) -> None:
        try:
            version = _version_of(self.path)
            if version != self._version:
                self._version = version
                self._version, self._list = _read(self.path)
                _log.info("moderation_list_read", file=str(self.path))
        except (OSError, ValueError) as error:
            _log.error("moderation_list_unreadable", file=str(self.path), error=_said(error))


def _read(path: Path) -> tuple[_Version, WordList]:
    version = _version_of(path)
    return version, parse_word_list(path.read_text(encoding="utf-8").splitlines())


def _version_of(path: Path) -> _Version:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _said(error: OSError | ValueError) -> str:
    """Say what is wrong, without the text of the file."""
    return type(error).__name__ if isinstance(error, OSError | UnicodeDecodeError) else str(error)
