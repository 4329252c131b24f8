"""How the progress of a generation is shown, on standard error: a bar on a terminal, else one line an event."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from exemplar.client_commands.event_detail import detail_of
from exemplar.client_commands.following import Display
from exemplar.clock import now
from exemplar_client import Generation

_SAID: Final = {
    "requested": "checking the pictures",
    "validated": "waiting for a slot",
    "reserved": "waiting for the model",
    "invoking": "calling the model",
    "waiting": "waiting for the model",
    "started": "the model works",
    "settled": "fetching the picture",
    "completed": "completed",
    "failed": "failed",
}


@contextmanager
def progress_display() -> Iterator[Display]:
    """Choose the display of this terminal, or of none."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield LineDisplay()
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, TextColumn("{task.fields[left]}"), console=console, transient=True) as progress:
        yield BarDisplay(progress)


class LineDisplay:
    """Prints each event with the seconds from the first one to it."""

    def __init__(self) -> None:
        self._first: datetime | None = None

    def happened(self, event: dict[str, Any]) -> None:
        moment = datetime.fromisoformat(event["time"])
        self._first = self._first or moment
        seconds = (moment - self._first).total_seconds()
        sys.stderr.write(f"{seconds:7.2f} s  {event['type']}{detail_of(event['data'])}\n")
        sys.stderr.flush()

    def update(self, generation: Generation) -> None:
        """Do nothing: events tell all."""


class BarDisplay:
    """Shows a bar with the state, the percentage of the model, and the time that is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("sent", total=None, left="")

    def happened(self, event: dict[str, Any]) -> None:
        if "percent" in event["data"]:
            self._progress.update(self._task, total=100, completed=event["data"]["percent"])

    def update(self, generation: Generation) -> None:
        said = _SAID.get(generation["state"], generation["state"])
        self._progress.update(self._task, description=said, left=time_left(dict(generation), now()))


def time_left(generation: dict[str, Any], moment: datetime) -> str:
    """Write the estimated time until the end; nothing where there is no estimate."""
    queue = generation.get("queue") or {}
    estimated = queue.get("estimated_completion")
    if estimated is None:
        return ""
    seconds = (datetime.fromisoformat(estimated) - moment).total_seconds()
    if seconds < 1:
        return "any moment"
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"
