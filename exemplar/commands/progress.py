"""The progress of long commands, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import typer

_PROGRESS_S = 1.0


@dataclass(slots=True)
class Progress:
    """Print how far a command is, about once a second and in the end; verb: what is done to what the noun names."""

    noun: str
    verb: str
    last_printed: float = 0.0
    _unprinted: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._unprinted is not None:
            self._print(*self._unprinted)

    def __call__(self, position: int, head: int) -> None:
        self._unprinted = position, head
        if time.monotonic() - self.last_printed >= _PROGRESS_S:
            self.last_printed = time.monotonic()
            self._print(position, head)

    def _print(self, position: int, head: int) -> None:
        self._unprinted = None
        sys.stderr.write(f"{position} of {head} {self.noun} {self.verb}\n")


@contextmanager
def progress_shown(noun: str, verb: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress as a bar on a terminal, elsewhere in lines."""
    if not sys.stderr.isatty():
        with Progress(noun, verb) as progress:
            yield progress
        return
    with typer.progressbar(length=1, file=sys.stderr, label=f"{noun} {verb}", show_pos=True) as bar:

        def advance(position: int, head: int) -> None:
            bar.length = head
            bar.update(position - bar.pos)

        yield advance
