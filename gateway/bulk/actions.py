"""What a bulk job does to one generation. Each may be repeated: a job may try a generation twice."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, assert_never

from domain.accounts.access import Identity
from domain.accounts.tiers import Tier, tier_of
from domain.errors import ErrorCode, ExemplarError
from domain.generation import decisions
from domain.generation.generation import Generation, stream_of
from events.commit import Commit
from events.envelope import Cause
from events.erasure import Grounds
from gateway.generations.ids import GenerationIds
from gateway.generations.write_through import WriteThrough
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.retry import KeptContents, with_seed
from gateway.submissions.submission import Retry, Submission
from gateway.webhooks.checks import check_request
from store.accounts.accounts import Accounts
from store.accounts.queries import Credentials
from store.bulk.jobs import BulkJob
from store.commits.contract import EventStore
from store.generations.erasure import GenerationErasure
from store.generations.generations import Decided, Decision, Generations

Outcome = Literal["changed", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkActions:
    """Act on one generation, as the job's caller; raises ExemplarError for what cannot be done."""

    generations: Generations
    generation_erasure: GenerationErasure
    generation_ids: GenerationIds
    recorder: SubmissionRecorder
    kept_contents: KeptContents
    write_through: WriteThrough
    accounts: Accounts
    events: EventStore
    announce: Callable[[Commit], None]
    tiers: Mapping[str, Tier]
    webhook_allow: Collection[str]

    async def act(self, job: BulkJob, generation_id: str) -> Outcome:
        """Do what the job does; `changed` also where an earlier try of this job has done it."""
        generation = await self.generations.load(generation_id)
        if generation is None or generation.request.owner.project != job.project:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        match job.action:
            case "cancel":
                return await self._decide(job, generation, decisions.cancel)
            case "publish":
                return await self._publish(job, generation)
            case "delete":
                return await self._delete(job, generation)
            case "redeliver":
                return await self._redeliver(generation)
            case "retry":
                return await self._retry(job, generation)
            case _:
                assert_never(job.action)

    async def _publish(self, job: BulkJob, generation: Generation) -> Outcome:
        if not generation.final:
            raise ExemplarError(ErrorCode.CONFLICT)
        return await self._decide(job, generation, partial(decisions.publish, is_public=job.options["is_public"]))

    async def _delete(self, job: BulkJob, generation: Generation) -> Outcome:
        grounds = Grounds(reason=job.options["reason"], case=job.options.get("case"))
        decided = await self.generation_erasure.erase(generation.id, grounds=grounds, cause=cause_of(job))
        return await self._outcome(job, generation, decided)

    async def _redeliver(self, generation: Generation) -> Outcome:
        """Publish the last commit again: every actor that its events reach is called."""
        if generation.final:
            return "unchanged"
        commits = await self.events.read(stream_of(generation.id))
        self.announce(commits[-1])
        return "changed"

    async def _retry(self, job: BulkJob, original: Generation) -> Outcome:
        """Submit it again for its user; the id follows from the job, so that a second try is a replay."""
        if not original.final:
            raise ExemplarError(ErrorCode.CONFLICT)
        owner, key = original.request.owner, f"bulk:{job.id}:{original.id}"
        submission = Submission(
            await self._identity(original),
            await self.generation_ids.of_key(owner.project, owner.user, key),
            key,
            job.request_id,
            retry=Retry(original.id, job.options["seed"]),
            actor=job.actor,
            causation_id=job.event,
        )
        if await self.recorder.replay_of(submission) is not None:
            return "changed"
        content = await self.kept_contents.read(original)
        check_request(content.webhook, content.webhook_events_filter, self.webhook_allow)
        chosen = with_seed(Retry(original.id, job.options["seed"]), original)
        await self.recorder.record(replace(submission, retry=chosen), content)
        return "changed"

    async def _identity(self, original: Generation) -> Identity:
        """Return the owner as they would submit now; `not_found` where they may not any more."""
        owner = original.request.owner
        found = await self.accounts.credentials(Credentials(owner.project, owner.user))
        active = found is not None and found.project_active and found.developer.active
        if found is None or not active or found.user is None or not found.user.active:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return Identity(owner.user, owner.project, owner.developer, tier_of(found.tier, self.tiers))

    async def _decide(self, job: BulkJob, generation: Generation, decision: Decision) -> Outcome:
        decided = await self.generations.decide(generation.id, decision, cause=cause_of(job), known=generation)
        return await self._outcome(job, generation, decided)

    async def _outcome(self, job: BulkJob, generation: Generation, decided: Decided | None) -> Outcome:
        if decided is not None and decided.events:
            await self.write_through.write(decided.generation)
            return "changed"
        commits = await self.events.read(stream_of(generation.id))
        causes = [event.cause.causation_id for commit in commits for event in commit.events]
        return "changed" if job.event in causes else "unchanged"


def cause_of(job: BulkJob) -> Cause:
    """Return the cause of what a job does: its caller, the request that planned it, the event that started it."""
    return Cause(actor=job.actor, request_id=job.request_id, causation_id=job.event)
