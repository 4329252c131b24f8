"""Run bulk jobs: any gateway takes one under a lease, and goes on where another one was killed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import structlog
from structlog.contextvars import bound_contextvars

from domain.bulk import rest_after
from domain.errors import ErrorCode, ExemplarError, LimitError
from domain.operations import stream_of
from events.commit import Commit
from events.event import Event
from events.operation import BulkEnded, BulkRedelivered, BulkRequested
from gateway.bulk.actions import BulkActions, Outcome, cause_of
from store.accounts.writes import random_id
from store.bulk.jobs import BulkJob, BulkJobs, BulkState, Page
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.errors import StoreError, StoreUnavailableError, WrongExpectedVersionError

_AT_ONCE: Final = 16
_PAGES: Final = 4
_PERIOD: Final = 2.0
_GRACE: Final = 5.0

log = structlog.get_logger()

Found = Outcome | ExemplarError


@dataclass(eq=False, slots=True, kw_only=True)
class BulkRunner:
    """Take jobs in turn and act on their generations: `at_once` make a page, and `pages` of a job a turn.

    A limit that passes, such as that of slots, lets the job rest; then any gateway goes on. What fails is counted.
    """

    bulk_jobs: BulkJobs
    bulk_actions: BulkActions
    events: EventStore
    announce: Callable[[Commit], None]
    clock: Callable[[], datetime]
    at_once: int = _AT_ONCE
    pages: int = _PAGES
    _holder: str = field(default_factory=random_id, init=False)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def begin(self, job: BulkJob) -> None:
        """Append the event that starts a planned job, and let it run; repeatable."""
        history = self._history()
        requested = BulkRequested(
            action=job.action,
            developer=job.developer,
            project=job.project,
            filters=job.filters,
            selected=job.selected,
            digest=job.digest,
        )
        stream = stream_of(job.id)
        await history.decide(stream, lambda last: [] if last else [requested], cause=cause_of(job))
        await self.bulk_jobs.start(job.id, f"{stream}:1")
        self._wanted.set()

    async def cancel(self, job: BulkJob) -> None:
        """End a job after the page under way, whose holder ends it then; what it has done stays and is counted."""
        if job.state == "planned":
            begun = await self._history().load(stream_of(job.id))
            if begun is None and await self.bulk_jobs.end(job.id, "canceled", before=("planned",)) is not None:
                return
            await self.bulk_jobs.start(job.id, f"{stream_of(job.id)}:1")  # a process died between the event and this
        if (claimed := await self.bulk_jobs.stop(job.id, self._holder)) is not None:
            await self._end(claimed, "canceled")

    async def run_once(self) -> int | None:
        """Go on with the job whose turn it is; return how many generations were tried, None without a job."""
        job = await self.bulk_jobs.claim(self._holder)
        if job is None:
            return None
        with bound_contextvars(request_id=job.request_id):
            if (outcome := await self._ended(job)) is not None:
                await self.bulk_jobs.end(job.id, outcome)
                return 0
            return await self._take_turn(job)

    async def _take_turn(self, job: BulkJob) -> int:
        """Do a few pages of a claimed job, until it ends, rests or is taken over, and give it back."""
        tried = 0
        for _ in range(self.pages):
            if job.canceling:
                await self._end(job, "canceled")
                return tried
            generations = await self.bulk_jobs.next_generations(job, self.at_once)
            if not generations:
                await self._end(job, "completed")
                return tried
            page = await self._act(job, generations)
            tried += page.done
            noted = await self.bulk_jobs.note(job, self._holder, page)
            if noted is None or page.rest:
                return tried
            job = noted
        await self.bulk_jobs.release(self._holder)
        return tried

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run jobs beside the block; at its end others may go on with the one that was under way."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE)
            with suppress(StoreError):
                await self.bulk_jobs.release(self._holder)

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                while await self.run_once() is not None:
                    pass
            except Exception as error:  # noqa: BLE001 - the lease runs out, and somebody goes on
                log.warning("bulk_job_interrupted", error=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PERIOD):
                    await self._wanted.wait()

    async def _act(self, job: BulkJob, generations: Sequence[str]) -> Page:
        """Act on some generations; one that must wait ends the page, with those behind it."""
        found = await self._tried(job, generations)
        page, redelivered = Page(), list[str]()
        for generation, outcome in zip(generations, found, strict=False):
            match outcome:
                case LimitError() if (seconds := rest_after(outcome)) is not None:
                    page.rest = seconds, outcome.code.value
                    break
                case ExemplarError():
                    page.failures.append({"id": generation, "code": outcome.code.value})
                case "changed":
                    page.changed += 1
                    redelivered.append(generation)
                case "unchanged":
                    page.unchanged += 1
        if job.action == "redeliver" and redelivered:
            await self._append(job, BulkRedelivered(generations=tuple(redelivered)))
        return page

    async def _tried(self, job: BulkJob, generations: Sequence[str]) -> Sequence[Found]:
        """Act on generations side by side; what takes slots in turn, so that none behind a refused one is done."""
        if job.action != "retry":
            return await asyncio.gather(*(self._try(job, one) for one in generations))
        found = list[Found]()
        for generation in generations:
            found.append(await self._try(job, generation))
            if isinstance(found[-1], LimitError):
                break
        return found

    async def _try(self, job: BulkJob, generation: str) -> Found:
        """Act on one generation; a fault of its data is its own, an unreachable store that of the job."""
        try:
            return await self.bulk_actions.act(job, generation)
        except ExemplarError as error:
            return error
        except (StoreUnavailableError, WrongExpectedVersionError):
            raise
        except Exception as error:  # noqa: BLE001 - a damaged stream must not keep the others
            log.warning("bulk_action_failed", generation_id=generation, error=error)
            return ExemplarError(ErrorCode.DAMAGED)

    async def _end(self, job: BulkJob, state: BulkState) -> None:
        """Append the end with its counts, then end the job: a repetition appends nothing."""
        if job.event is not None:
            outcome = "completed" if state == "completed" else "canceled"
            ended = BulkEnded(outcome=outcome, changed=job.changed, unchanged=job.unchanged, failed=job.failed)
            await self._append(job, ended)
        await self.bulk_jobs.end(job.id, state)
        log.info("bulk_job_ended", job=job.id, state=state, changed=job.changed, failed=job.failed)

    async def _ended(self, job: BulkJob) -> Literal["completed", "canceled"] | None:
        """Tell how a job has ended by the log; a process that died has not ended the document."""
        last = await self._history().load(stream_of(job.id))
        return last.event.outcome if last is not None and isinstance(last.event, BulkEnded) else None

    async def _append(self, job: BulkJob, event: Event) -> None:
        def decide(last: object) -> Sequence[Event]:
            return [] if isinstance(getattr(last, "event", None), BulkEnded) else [event]

        await self._history().decide(stream_of(job.id), decide, cause=cause_of(job))

    def _history(self) -> Repository[Any]:
        return Repository(
            self.events,
            fold=lambda recorded: recorded[-1] if recorded else None,
            announce=self.announce,
            clock=self.clock,
        )
