"""`Prefer: wait=n` (RFC 7240): answer the finished resource instead of 202 if it is finished in time."""

from dataclasses import dataclass
from typing import NamedTuple

import structlog
from aiohttp import web

from domain.accounts.access import Identity
from domain.accounts.access_keys import Scope
from domain.errors import ExemplarError
from domain.generation.generation import Generation, stream_of
from gateway.auth.authentication import Authenticator
from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from gateway.events.event_requests import preferred_wait
from gateway.generations.resources import GenerationResources
from gateway.submissions.credentials import still_admitted
from gateway.submissions.submission import Submission
from store.errors import StoreError
from store.generations.generations import Generations

_KEPT_HEADERS = ("Location", "Idempotency-Replayed", "Preference-Applied")

log = structlog.get_logger()


class Waited(NamedTuple):
    """The result of a wait: the finished generation, or None when the time ran out."""

    finished: Generation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionWait:
    """Wait for the end of a generation if the client prefers it."""

    authenticator: Authenticator
    generations: Generations
    resources: GenerationResources
    broadcaster: Broadcaster
    connections: Connections

    async def answer(
        self, request: web.Request, submission: Submission, accepted: web.Response, *, repeats: bool
    ) -> web.Response:
        """Return the finished resource, or `accepted` when waiting was not asked for, refused or too short.

        A preference never causes an error, because the submission is recorded already. Credentials that were
        revoked during the wait get the 202. So does an access key that may not read, where the resource `repeats` the
        words or the pictures of an earlier generation: the caller has not sent them.
        """
        seconds = preferred_wait(request)
        if seconds is None or accepted.status != 202 or (repeats and not _may_read(submission.identity)):
            return accepted
        waited = await self._wait(request, submission, seconds)
        if waited is None:
            return accepted
        applied = [accepted.headers["Preference-Applied"]] if "Preference-Applied" in accepted.headers else []
        accepted.headers["Preference-Applied"] = ", ".join([*applied, f"wait={seconds}"])
        finished = waited.finished
        if finished is None or finished.gone or not await still_admitted(self.authenticator, request):
            return accepted
        headers = {name: accepted.headers[name] for name in _KEPT_HEADERS if name in accepted.headers}
        return web.json_response(await self.resources.write(request, finished), headers=headers)

    async def _wait(self, request: web.Request, submission: Submission, seconds: float) -> Waited | None:
        """Wait at most so long; None when no connection slot is free or the store fails."""
        identity = submission.identity
        try:
            with self.connections.slot(identity.user_id, identity.developer_id, request):
                return Waited(await self.finished(submission.generation_id, seconds))
        except (ExemplarError, StoreError) as error:
            log.info("wait_refused", generation_id=submission.generation_id, error=error)
            return None

    async def finished(self, generation_id: str, seconds: float) -> Generation | None:
        """Wait at most so long for the end of a generation; None when it has not come."""
        generation = await self.generations.load(generation_id)
        if generation is not None and not generation.final:
            await self.broadcaster.wait(
                stream_of(generation_id),
                after=generation.version,
                wanted=lambda update: update.final,
                seconds=seconds,
            )
            generation = await self.generations.load(generation_id)
        return generation if generation is not None and generation.final else None


def _may_read(identity: Identity) -> bool:
    return identity.scopes is None or Scope.READ in identity.scopes
