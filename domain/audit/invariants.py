"""What must always be true of the log and of everything that is derived from it, and what was found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from events.envelope import format_time

MOST_CHARACTERS: Final = 200
"""Texts of a report are cut to so many."""

MOST_VIOLATIONS: Final = 100
"""So many violations of an invariant are named; further ones are counted."""


class Invariant(StrEnum):
    """The name of an invariant."""

    NO_GAP = "no_gap"
    ONE_FINAL_EVENT = "one_final_event"
    ONE_CREATION = "one_creation_per_attempt"
    QUOTA = "quota_is_conserved"
    STATE = "state_equals_fold"
    SUMS = "timings_and_costs_add_up"
    CHECKPOINT = "under_a_checkpoint"


STATEMENTS: Final[Mapping[Invariant, str]] = {
    Invariant.NO_GAP: "Every stream has each version and every position a commit, in one order, and all can be read.",
    Invariant.ONE_FINAL_EVENT: "An ended generation has one final event, and its state allowed each of its events.",
    Invariant.ONE_CREATION: "An attempt was announced before it, and made one prediction at most.",
    Invariant.QUOTA: (
        "Units taken less units returned are the units used, the ledger equals a recount of the log, "
        "and no ended generation holds a slot."
    ),
    Invariant.STATE: "Every stored state equals the fold of its stream.",
    Invariant.SUMS: "Phases add up to the whole time, costs are time by price, and sums of usage equal the log.",
    Invariant.CHECKPOINT: "Every commit that was sealed more than two minutes ago is under a checkpoint.",
}


class Violation(NamedTuple):
    """What breaks an invariant: the id of an event, commit, stream, position, month or slot, and what is wrong."""

    id: str
    fault: str


Found = tuple[Invariant, Violation]


@dataclass(slots=True)
class Finding:
    """The result of one invariant.

    checked: how many of its subjects; broken: how many violations. notes: what broke it in the past and is over.
    """

    checked: int = 0
    broken: int = 0
    violations: list[Violation] = field(default_factory=list)
    notes: list[Violation] = field(default_factory=list)

    def add(self, violation: Violation) -> None:
        """Count a violation, and keep it if it is one of the first."""
        self.broken += 1
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(violation)

    def note(self, note: Violation) -> None:
        """Keep a note if it is one of the first."""
        if len(self.notes) < MOST_VIOLATIONS:
            self.notes.append(note)


@dataclass(slots=True)
class Findings:
    """The results of all invariants."""

    of: dict[Invariant, Finding] = field(default_factory=lambda: {one: Finding() for one in Invariant})

    def add(self, found: Iterable[Found]) -> None:
        for invariant, violation in found:
            self.of[invariant].add(violation)

    def count(self, invariant: Invariant, number: int = 1) -> None:
        """Count subjects that were checked."""
        self.of[invariant].checked += number

    def remove(self, invariant: Invariant, violation: Violation) -> None:
        """Remove a violation that a second look did not confirm."""
        self.of[invariant].violations.remove(violation)
        self.of[invariant].broken -= 1


@dataclass(frozen=True, slots=True)
class InvariantReport:
    """One run over a log of `position` commits, with `streams` and `events` as they were read."""

    position: int
    streams: int
    events: int
    started_at: datetime
    finished_at: datetime
    findings: Findings

    @property
    def ok(self) -> bool:
        return not any(self.broken)

    @property
    def broken(self) -> Iterator[Invariant]:
        """Name the invariants that do not hold."""
        return (name for name, finding in self.findings.of.items() if finding.broken)

    def body(self) -> dict[str, Any]:
        """Write the report as JSON."""
        return {
            "ok": self.ok,
            "position": self.position,
            "streams": self.streams,
            "events": self.events,
            "started_at": format_time(self.started_at),
            "finished_at": format_time(self.finished_at),
            "invariants": [_body(name, finding) for name, finding in self.findings.of.items()],
        }


def _body(name: Invariant, finding: Finding) -> dict[str, Any]:
    return {
        "name": name.value,
        "statement": STATEMENTS[name],
        "ok": not finding.broken,
        "checked": finding.checked,
        "broken": finding.broken,
        "violations": [_cut(one) for one in finding.violations],
        "notes": [_cut(one) for one in finding.notes],
    }


def _cut(one: Violation) -> dict[str, str]:
    return {name: shortened(text, MOST_CHARACTERS) for name, text in one._asdict().items()}


def shortened(text: str, most: int) -> str:
    """Cut a text to at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
