"""Compare what lies beside the log with what it says: nothing is gone that was not erased, and no text has changed."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.audit.checkpoints import ContradictionError
from domain.audit.kept_content import ContentFault, KeptContent, RecordedContent, Retention
from events.generation import GenerationRequested
from store.audit.checkpoints import Checkpoints
from store.audit.content_scan import ContentScan, DamagedTextsError

_PAUSE: Final = 1.0  # seconds: erasing what was read meanwhile is over by then


@dataclass(slots=True)
class ContentReport:
    """Numbers of generations: all; those that are erased, or to be erased; those whose personal data have expired.

    unproven: those whose instructions cannot be compared any more, because examples or the original are gone.
    """

    generations: int = 0
    erased: int = 0
    expired: int = 0
    unproven: int = 0

    def add(self, recorded: RecordedContent, kept: KeptContent) -> None:
        self.generations += 1
        self.erased += recorded.erased
        if not recorded.erased:
            self.expired += kept.texts is None
            self.unproven += kept.texts is not None and not recorded.is_proven(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCheck:
    """Look for what is missing or changed, while the system runs.

    retention: how long what is not erased is kept at least, by the settings of the scheduler.
    """

    content_scan: ContentScan
    checkpoints: Checkpoints
    retention: Retention
    clock: Callable[[], datetime]
    pause: float = _PAUSE

    async def run(self, progress: Callable[[int, int], None]) -> ContentReport:
        """Compare all generations; raises ContradictionError at the first fault."""
        report, total = ContentReport(), await self.content_scan.count()
        async with aclosing(self.content_scan.generations()) as batches:
            async for batch in batches:
                kept = await self.content_scan.kept(batch)
                for recorded in batch:
                    if recorded.request is not None:
                        await self._compare(recorded, kept[recorded.generation], report)
                progress(report.generations, max(total, report.generations))
        return report

    async def _compare(
        self, recorded: RecordedContent, kept: KeptContent | DamagedTextsError, report: ContentReport
    ) -> None:
        """Compare a generation; what seems wrong is read again, because it may have been erased meanwhile."""
        if self._fault(recorded, kept) is not None:
            await asyncio.sleep(self.pause)
            kept = (await self.content_scan.kept([recorded]))[recorded.generation]
            recorded = await self.content_scan.again(recorded.generation)
            if (fault := self._fault(recorded, kept)) is not None:
                position = await self.checkpoints.position_of(fault.commit)
                where = "" if position is None else f"position {position}: "
                raise ContradictionError(f"{where}{fault.fault}", position)
        report.add(recorded, kept if isinstance(kept, KeptContent) else KeptContent(None, {}))

    def _fault(self, recorded: RecordedContent, kept: KeptContent | DamagedTextsError) -> ContentFault | None:
        if isinstance(kept, DamagedTextsError):
            first = recorded.commits[GenerationRequested.type]
            fault = ContentFault(first, f"generation {recorded.generation}: its personal data are damaged")
            return None if recorded.erased else fault
        return next(recorded.faults(kept, self.retention, self.clock()), None)
