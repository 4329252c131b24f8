"""The wait for the end of a generation, by a client that prefers it to a promise (RFC 7240)."""

from dataclasses import dataclass
from typing import NamedTuple

import structlog
from aiohttp import web

from domain.errors import ExemplarError
from domain.generation.generation import Generation, stream_of
from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from store.errors import StoreError
from store.generations.generations import Generations

log = structlog.get_logger()


class Waited(NamedTuple):
    """What came of a wait: the finished generation, or None when it took longer."""

    finished: Generation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionWait:
    """Wait for the end of a generation, for a client that prefers to (RFC 7240)."""

    generations: Generations
    broadcaster: Broadcaster
    connections: Connections

    async def wait(
        self, generation_id: str, *, holder: str, seconds: float, request: web.Request
    ) -> Waited | None:
        """Wait for the end, at most so long; None when nobody may wait now.

        A wish is never a reason for an error: the submission is recorded already.
        """
        try:
            with self.connections.slot(holder, request):
                return Waited(await self._wait(generation_id, seconds))
        except (ExemplarError, StoreError) as error:
            log.info("wait_refused", generation_id=generation_id, error=repr(error))
            return None

    async def _wait(self, generation_id: str, seconds: float) -> Generation | None:
        generation = await self.generations.load(generation_id)
        if generation is not None and not generation.final:
            stream, version = stream_of(generation_id), generation.version
            await self.broadcaster.wait(
                stream, after=version, wanted=lambda moment: moment.final, seconds=seconds
            )
            generation = await self.generations.load(generation_id)
        return generation if generation is not None and generation.final else None
