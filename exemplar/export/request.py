"""What an export contains, as its `export.json` says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.audit.event_filter import EventFilter

FORMAT: Final = 1
_ASKED: Final = ("format", "generation", "project", "with_pictures")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The whole log, or what belongs to one generation or one project."""

    generation: str | None = None
    project: str | None = None
    with_pictures: bool = True

    @property
    def is_whole(self) -> bool:
        return self.generation is None and self.project is None

    @property
    def filter(self) -> EventFilter:
        return EventFilter(generation=self.generation, project=self.project)

    def is_of(self, about: Mapping[str, Any]) -> bool:
        """Tell whether an earlier `export.json` is that of the same request."""
        own = self.as_fields()
        return {name: about.get(name) for name in _ASKED} == {name: own[name] for name in _ASKED}

    def as_fields(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "generation": self.generation,
            "project": self.project,
            "with_pictures": self.with_pictures,
        }


@dataclass(slots=True)
class Contents:
    """What was written so far: `parts` has the first position of each part, `streams` the first stream of each page."""

    commits: int = 0
    events: int = 0
    pictures: int = 0
    parts: list[int] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A checkpoint, the verification keys of the log that signed it, and those of its witnesses."""

    checkpoint: str
    keys: Sequence[str]
    witnesses: Sequence[str]


def about(request: ExportRequest, note: SignedNote, contents: Contents) -> bytes:
    """Write `export.json`, one line."""
    fields = {
        **request.as_fields(),
        "checkpoint": note.checkpoint,
        "keys": note.keys,
        "witnesses": note.witnesses,
        "commits": contents.commits,
        "events": contents.events,
        "pictures": contents.pictures,
        "parts": contents.parts,
        "streams": contents.streams,
    }
    return json_line(fields) + b"\n"


def json_line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
