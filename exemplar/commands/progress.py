"""The progress of long commands, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer

_PROGRESS_S = 1.0


@dataclass(slots=True)
class Progress:
    """Print how far a command is, about once a second; verb: what is done to what the noun names."""

    noun: str
    verb: str
    last_printed: float = 0.0

    def __call__(self, position: int, head: int) -> None:
        if time.monotonic() - self.last_printed >= _PROGRESS_S:
            self.last_printed = time.monotonic()
            sys.stderr.write(f"{position} of {head} {self.noun} {self.verb}\n")


@contextmanager
def progress_shown(noun: str, verb: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress as a bar on a terminal, elsewhere in lines."""
    if not sys.stderr.isatty():
        yield Progress(noun, verb)
        return
    with typer.progressbar(length=1, file=sys.stderr, label=f"{noun} {verb}", show_pos=True) as bar:

        def advance(position: int, head: int) -> None:
            bar.length = head
            bar.update(position - bar.pos)

        yield advance
