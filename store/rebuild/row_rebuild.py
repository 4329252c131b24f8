from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from domain.generation.generation import Generation, id_of, is_generation
from domain.generation.lifecycle import Timeouts
from store.audit.pace import Pace, Progress
from store.commits.contract import EventStore
from store.commits.unreadable import UnreadableCommit, log_unreadable
from store.errors import StoreError
from store.generations.folding import every_generation
from store.generations.generations import Generations
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import rows_of
from store.generations.rebuild import rebuild
from store.log.sealed_log import SealedLog
from store.rebuild.green_rows import GreenCollection, GreenRows

_BATCH: Final = 200
_NEARLY: Final = 50  # commits


async def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class RowRebuildReport:
    """What a rebuild came to.

    generations: rows that were made from the log; kept: rows of streams that cannot be read, as they were.
    differing: rows that the comparison after the swap corrected, the first hundred. position: up to which the sealed
    log is in the rows.
    """

    generations: int
    kept: int
    differing: tuple[str, ...]
    position: int

    def body(self) -> dict[str, Any]:
        return {**asdict(self), "differing": [*self.differing]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRebuild:
    """Build all rows beside those in use, follow the log to its end, and swap; the system goes on meanwhile.

    What others write into the rows in use between the last look at the log and the swap is read from the log again
    after it: until then, for less than a second, a row may be older than before. What no event tells, that metadata
    were deleted after the row was built, the comparison after the swap corrects.
    """

    green_rows: GreenRows
    projection: MongoProjection
    events: EventStore
    generations: Generations
    personal_data: PersonalDataStore
    sealed_log: SealedLog
    timeouts: Timeouts

    async def run(
        self, progress: Progress, *, share: float = 1.0, before_swap: Callable[[], Awaitable[None]] = nothing
    ) -> RowRebuildReport:
        """Rebuild the rows; memory is a batch. `share`: the part of the time that the work may take.

        `before_swap` raises where another run has taken the place of this one, which then leaves no trace.
        """
        position = await self.sealed_log.head()
        green = await self.green_rows.begin()
        pace = Pace(2 * await self.projection.count(), progress, share)
        try:
            built, unreadable = await self._build(green, pace)
            while await self.sealed_log.head() - position > _NEARLY:
                position = await self._follow(green.projection, position, pace)
            position = await self._follow(green.projection, position, pace)
            await before_swap()
            await green.swap()
        except Exception:
            with suppress(StoreError):
                await green.drop()
            raise
        position = await self._follow(self.projection, position, pace)
        compared = await rebuild(self.events, self.personal_data, self.projection, self.timeouts, after_batch=pace.tick)
        return RowRebuildReport(built, len(unreadable), compared.differing[:100], position)

    async def _build(self, green: GreenCollection, pace: Pace) -> tuple[int, set[str]]:
        """Write the row of every generation that can be read, and keep those of the others."""
        unreadable, built = set[str](), 0

        def skip(found: UnreadableCommit) -> None:
            unreadable.add(id_of(found.stream))
            log_unreadable(found)

        async for batch in _batches(every_generation(self.events, skip)):
            await green.projection.write(await rows_of(batch, self.personal_data, self.timeouts))
            built += len(batch)
            await pace.tick(len(batch))
        await green.keep(unreadable)
        return built, unreadable

    async def _follow(self, projection: MongoProjection, position: int, pace: Pace) -> int:
        """Write the rows of the generations that the sealed log names behind a position; return its end."""
        while entries := await self.sealed_log.read(after=position, limit=_BATCH):
            named = dict.fromkeys(id_of(entry.stream) for entry in entries if is_generation(entry.stream))
            loaded = await self.generations.load_all([*named])
            await projection.write(await rows_of(loaded, self.personal_data, self.timeouts))
            position = entries[-1].position
            await pace.tick(0)
        return position


async def _batches(found: AsyncIterator[Generation]) -> AsyncIterator[Sequence[Generation]]:
    batch: list[Generation] = []
    async for generation in found:
        batch.append(generation)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
