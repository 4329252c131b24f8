"""What a check of `exemplar doctor` found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `remedy`: what to type or to change, None where nothing is to be done."""

    check: str
    state: State
    message: str
    remedy: str | None = None

    @property
    def line(self) -> str:
        """What was found, and what to do, in one line."""
        return self.message if self.remedy is None else f"{self.message}: {self.remedy}"


def ok(check: str, message: str) -> Finding:
    """Find that all is well."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Find what works, but not as well as it could, or not for long."""
    return Finding(check, "warning", message, remedy)


def fault(check: str, message: str, remedy: str) -> Finding:
    """Find what prevents the system from working."""
    return Finding(check, "fault", message, remedy)


def has_fault(findings: Iterable[Finding]) -> bool:
    """Tell whether anything is broken."""
    return any(finding.state == "fault" for finding in findings)
