"""`?dry_run=true`: what a submission would record, by the same rules, without recording or holding anything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from pydantic import BaseModel

from domain.accounts.quota import period_of
from domain.accounts.slot_queue import Waiting, in_turn
from domain.generation.estimate import Estimate, estimate_of
from domain.generation.explanation import Ahead
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from domain.submission.instructions import model_prompt, parse_instructions
from domain.submission.model_inputs import Ceilings
from events.envelope import format_time
from events.generation import GenerationRequested
from gateway.generations.warnings import written_warnings
from gateway.http.parsing import read_query
from gateway.settings import GatewaySettings
from gateway.submissions import answers
from gateway.submissions.content import Content, ContentImage, HeldQuota, personal_data_of, requested_event
from gateway.submissions.gate import SubmissionGate, held_until
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.submission import Submission
from store.generations.queue import Queue
from store.quota.admission import Admission
from store.quota.ledger import Account, Bounds


class SubmitRequest(BaseModel):
    """The query of a submission."""

    dry_run: bool = False


def is_dry_run(request: web.Request) -> bool:
    """Tell whether nothing is to be recorded; raises FieldError for a malformed choice."""
    return bool(request.query_string) and read_query(request, SubmitRequest).dry_run


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Decide on a submission as `SubmissionRecorder` would."""

    recorder: SubmissionRecorder
    admission: Admission
    submission_gate: SubmissionGate
    queue: Queue
    timeouts: Timeouts
    price: Price
    gateway_settings: GatewaySettings
    provider_paused: Callable[[], Awaitable[datetime | None]]
    clock: Callable[[], datetime]

    async def answer(self, submission: Submission, content: Content) -> answers.DryRunAnswer:
        """Write what would be recorded, or what was under the Idempotency-Key; raises the same refusals."""
        if (replay := await self.recorder.replay_of(submission, content)) is not None:
            return {**_recorded(replay.request, content, replayed=True), "id": submission.generation_id}
        await self.recorder.require_allowed(submission, content)
        developer, bounds = submission.identity.developer_id, submission.bounds
        until = held_until(await self.submission_gate.require_open(submission.identity))
        account = await self.admission.free_account(developer, bounds, queue=submission.queue)
        now = self.clock()
        period = period_of(now)
        held = HeldQuota(period, queued=not account.has_capacity(period, bounds))
        personal_data = personal_data_of(submission, content, now)
        event = requested_event(submission, content, personal_data, held, self.timeouts, held_until=until)
        ahead = _position(account, submission, now) if held.queued else await self.queue.unsent()
        wait = 0.0
        if held.queued:
            wait = await self.admission.seconds_to_slot(developer, account, ahead=ahead.number)
        return {
            **_recorded(event, content, replayed=False),
            "input": _input(content, self.gateway_settings.ceilings),
            "queued": held.queued,
            "quota": _quota(account, held, bounds),
            "queue": {"position": ahead.number, "position_is_exact": ahead.exact},
            "estimate": _estimate(await self._estimate(developer, max(now + timedelta(seconds=wait), until or now))),
        }

    async def _estimate(self, developer: str, start: datetime) -> Estimate:
        start = max(start, await self.provider_paused() or start)
        return estimate_of(await self.admission.durations(developer), start=start, price=self.price)


def _recorded(request: GenerationRequested, content: Content, *, replayed: bool) -> answers.DryRunAnswer:
    return {
        "dry_run": True,
        "replayed": replayed,
        "start_by": format_time(request.start_by),
        "deadline": format_time(request.finish_by),
        "warnings": written_warnings(request.warnings, content.unknown_fields),
    }


def _input(content: Content, ceilings: Ceilings) -> answers.ModelInput:
    """Write what the model would be given of the instructions, and the example images as judged."""
    instructions = parse_instructions(content.instructions, ceilings=ceilings)
    return {
        "prompt": model_prompt(instructions),
        "parameters": dict(instructions.parameters),
        "composition": instructions.composition,
        "example_images": [_image(image) for image in content.images],
    }


def _image(image: ContentImage) -> answers.JudgedImage:
    return {
        "content_type": image.content_type,
        "width": image.width,
        "height": image.height,
        "size_bytes": image.size,
        "sha256": image.sha256,
    }


def _position(account: Account, submission: Submission, now: datetime) -> Ahead:
    """Count those that would get a slot before the submission."""
    last = max((one.number for one in account.queue), default=0)
    own = Waiting(submission.generation_id, submission.identity.user_id, now, last + 1)
    return Ahead(in_turn([*account.queue, own]).index(own))


def _quota(account: Account, held: HeldQuota, bounds: Bounds) -> answers.QuotaAfter:
    """Write units and slots with those that the submission would take."""
    return {
        "period": held.period,
        "used": account.used_in(held.period) + 1,
        "limit": bounds.monthly,
        "slots": account.running + (not held.queued),
        "slot_limit": bounds.concurrent,
    }


def _estimate(estimate: Estimate) -> answers.EstimatedRun:
    usd = None if estimate.cost_microusd is None else estimate.cost_microusd / 1_000_000
    return {
        "start": format_time(estimate.start),
        "completion": format_time(estimate.completion),
        "duration_seconds": estimate.duration_seconds,
        "cost_usd": usd,
        "basis": estimate.basis,
        "generations": estimate.generations,
    }
