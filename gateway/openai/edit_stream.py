"""`stream=true`: events of a generation under OpenAI's names, from its begin to the picture."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation, stream_of
from gateway.events.broadcaster import Broadcaster
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.generations.picture_sender import PictureSender, gone
from gateway.http.byte_budget import ByteLease
from gateway.http.error_mapping import map_error
from gateway.http.errors import error_response
from gateway.http.openai_errors import openai_error
from gateway.http.request_ids import request_id_of
from gateway.openai.answers import STREAM, completed_event, error_event, failed_error, partial_event
from gateway.openai.form import EditOptions
from gateway.submissions.submission import Submission
from store.errors import DamagedCommitError, StoreError
from store.generations.blobs import BlobStore
from store.generations.generations import Generations

_LOOK_AGAIN: Final = 5.0  # seconds; a stream that was ended meanwhile is noticed then


@dataclass(frozen=True, slots=True, kw_only=True)
class EditStream:
    """Send partial events and the picture; keep-alive and revalidation are those of every event stream."""

    generations: Generations
    broadcaster: Broadcaster
    connections: Connections
    event_access: EventAccess
    picture_sender: PictureSender
    blobs: BlobStore
    clock: Callable[[], datetime]

    async def send(self, request: web.Request, submission: Submission, options: EditOptions) -> web.StreamResponse:
        """Answer a recorded submission with its events."""
        grant = self.event_access.grant(request, submission.identity.developer_id)
        connection = await self.connections.open(request, grant, STREAM, first=b":\n\n")
        try:
            with closing(self.picture_sender.lease(request)) as lease:
                last = await self._last_event(connection, request, lease, submission.generation_id, options)
                if not connection.closed:
                    await connection.finish(last)
            return await connection.ended()
        finally:
            self.connections.remove(connection)

    async def _follow(self, connection: Connection, generation_id: str, options: EditOptions) -> Generation:
        """Send a partial event for the begin and for each step of the progress; return the last state."""
        generation, index, shown = await self._load(generation_id), 0, -1
        while not (generation.final or generation.gone or connection.closed):
            if generation.percent > shown and index < _most(options):
                await connection.write(partial_event(generation, index, self.clock()))
                index, shown = index + 1, generation.percent
            await self.broadcaster.wait(
                stream_of(generation_id),
                after=generation.version,
                wanted=lambda update: bool(update.frames) or update.final,
                seconds=_LOOK_AGAIN,
            )
            generation = await self._load(generation_id)
        return generation

    async def _last_event(
        self, connection: Connection, request: web.Request, lease: ByteLease, generation_id: str, options: EditOptions
    ) -> bytes:
        """Write the picture, or why there is none: the answer has begun, so no status can say it."""
        try:
            generation = await self._follow(connection, generation_id, options)
            return b"" if connection.closed else await self._outcome(lease, generation)
        except (ExemplarError, StoreError, DamagedCommitError) as error:
            refused = error_response(map_error(error).error, request_id=request_id_of(request))
            body = json.loads(refused.text or "{}") | {"id": generation_id}
            return error_event(openai_error(refused.status, body))

    async def _outcome(self, lease: ByteLease, generation: Generation) -> bytes:
        """Write the last event; the picture counts in the budget of outgoing bytes until it is sent."""
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        if generation.failure is not None:
            return error_event(failed_error(generation, generation.failure)[1])
        [picture, *_] = generation.pictures
        await lease.use(2 * picture.size)
        blob = await self.blobs.get(generation.id, picture.digest)
        if blob is None:
            raise gone()
        return completed_event(generation, picture, blob.data, self.clock())

    async def _load(self, generation_id: str) -> Generation:
        generation = await self.generations.load(generation_id)
        if generation is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return generation


def _most(options: EditOptions) -> float:
    return float("inf") if options.partial_images is None else options.partial_images
