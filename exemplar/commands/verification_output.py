"""The result of `exemplar audit verify`, in words and as JSON."""

import base64
from dataclasses import asdict, dataclass
from typing import Any

from events.envelope import format_time
from store.audit.content_verification import ContentReport
from store.audit.coverage import Uncovered
from store.audit.picture_verification import PictureReport
from store.audit.verification import AuditReport


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified; `late`: what should be under a checkpoint and is not."""

    report: AuditReport
    late: Uncovered | None = None
    pictures: PictureReport | None = None
    content: ContentReport | None = None

    @property
    def ok(self) -> bool:
        return self.late is None

    def fields(self) -> dict[str, Any]:
        """Write it as JSON."""
        late = None if self.late is None else {**self.late._asdict(), "sealed_at": format_time(self.late.sealed_at)}
        seen = {**(asdict(self.pictures) if self.pictures else {}), **(asdict(self.content) if self.content else {})}
        report = {**asdict(self.report), "root": base64.b64encode(self.report.root).decode()}
        return {"ok": self.ok, **report, **seen, "uncovered": late}

    def text(self) -> str:
        """Write it in words."""
        report = self.report
        signed = f"{counted(report.checkpoints, 'checkpoint')}, {counted(report.cosignatures, 'cosignature')}"
        lines = [
            f"as they were sealed: {counted(report.size, 'commit')} in {counted(report.streams, 'stream')}",
            f"genuine: {signed} of witnesses",
            f"still without a position: {counted(report.waiting, 'commit')}",
            *self._seen(),
            f"root {base64.b64encode(report.root).decode()}",
        ]
        return "\n".join(lines)

    def warning(self) -> str | None:
        """Say what no signature covers; None when there is nothing to say."""
        if self.late is not None:
            where = f"position {self.late.first}"
            if self.late.first != self.late.last:
                where = f"positions {self.late.first} to {self.late.last}"
            return (
                f"NOT SIGNED: {where}: sealed at {format_time(self.late.sealed_at)}, under no checkpoint. Was one "
                "removed, or does no scheduler run? `exemplar audit checkpoint` signs the log as it is now"
            )
        if self.report.size and not self.report.checkpoints:
            return "WARNING: there is no checkpoint yet: nothing here is signed"
        return None

    def _seen(self) -> list[str]:
        lines = []
        if self.pictures is not None:
            lines.append(
                f"as they were recorded: {counted(self.pictures.pictures, 'picture')}; of these "
                f"{self.pictures.unsalted} without a salt, {self.pictures.unnamed} that no event names"
            )
        if self.content is not None:
            lines.append(
                f"with all that the log names: {counted(self.content.generations, 'generation')}; of these "
                f"{self.content.erased} erased, {self.content.expired} with expired personal data, "
                f"{self.content.unproven} whose instructions cannot be compared any more"
            )
        return lines


def counted(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
