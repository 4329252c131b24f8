"""Compare every stored picture with the salted hash of it in the log, up to the first contradiction."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from domain.audit.checkpoints import ContradictionError
from store.audit.checkpoints import Checkpoints
from store.audit.picture_check import RecordedGeneration, StoredPicture, fault_of, is_well_formed
from store.audit.picture_scan import PictureScan

_PAUSE: Final = 1.0  # seconds: erasing what was read meanwhile, and storing it, are over by then


@dataclass(slots=True)
class PictureReport:
    """Numbers of pictures: all, and of these those without a salt, and those that no event names (yet)."""

    pictures: int = 0
    unsalted: int = 0
    unnamed: int = 0


async def verify_pictures(
    scan: PictureScan, checkpoints: Checkpoints, progress: Callable[[int, int], None], *, pause: float = _PAUSE
) -> PictureReport:
    """Compare pictures with the log, while the system runs; raises ContradictionError at the first fault.

    A picture that is gone is no fault: erasing and retention delete pictures, and the salts with the personal data.
    """
    report, total, done = PictureReport(), await scan.count(), 0
    recorded = RecordedGeneration("")
    async with aclosing(scan.pictures()) as pictures:
        async for picture in pictures:
            fault: str | None = None
            if picture.generation != recorded.id:
                recorded, fault = await scan.recorded(picture.generation)
            if fault or fault_of(picture, recorded):
                await asyncio.sleep(pause)
                recorded = await _require_sound(picture, scan, checkpoints)
            _count(report, picture, recorded)
            done += len(picture.pieces) + 1
            progress(done, max(total, done))
    return report


async def _require_sound(picture: StoredPicture, scan: PictureScan, checkpoints: Checkpoints) -> RecordedGeneration:
    """Read a faulty picture again; raises ContradictionError unless it was erased or completed meanwhile."""
    recorded, fault = await scan.recorded(picture.generation)
    again = await scan.again(picture)
    fault = fault or (fault_of(again, recorded) if again else None)
    if again is None and not is_well_formed(picture):  # it cannot be found by its damaged id
        again, fault = picture, fault_of(picture, recorded)
    if again is not None and fault is not None:
        named = recorded.pictures.get(picture.digest)
        position = await checkpoints.position_of(named.commit) if named else None
        where = "" if position is None else f"position {position}: "
        raise ContradictionError(f"{where}picture {picture.key}: {fault}", position)
    return recorded


def _count(report: PictureReport, picture: StoredPicture, recorded: RecordedGeneration) -> None:
    report.pictures += 1
    report.unnamed += picture.digest not in recorded.pictures
    report.unsalted += picture.head is not None and picture.head["token"] not in recorded.salts
