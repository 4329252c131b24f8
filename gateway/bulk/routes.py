"""`/api/v1/projects/{id}/bulk`: plan an action on many generations, start it, and see how far it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.bulk import digest_of, require_capacity
from domain.errors import ErrorCode, ExemplarError
from domain.faults import Faults
from domain.generation.listing import Filters, Scope
from domain.paths import PROJECT_BULK, PROJECT_BULK_JOB
from gateway.auth.authentication import Authenticator
from gateway.bulk import answers
from gateway.bulk.requests import BulkRequest, job_body
from gateway.bulk.runner import BulkRunner
from gateway.bulk.selection import BulkSelection
from gateway.http.parsing import path_id, read_model
from gateway.http.request_ids import request_id_of
from gateway.openapi.operation import delete, get, post
from store.accounts.accounts import Accounts
from store.accounts.writes import random_id
from store.bulk.jobs import BulkJob, BulkJobs

_LOOKED_EVERY: Final = 0.1  # seconds
_LOOKS: Final = 20
_NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}
_SAMPLE: Final = 10

_PLAN: Final = (ErrorCode.SELECTION_TOO_LARGE,)
_START: Final = (ErrorCode.CONFLICT, ErrorCode.BULK_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who acts, and on whose project."""

    actor: str
    developer: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRoutes:
    """Act on many generations of a project: for its developer, and for operators."""

    authenticator: Authenticator
    bulk_jobs: BulkJobs
    bulk_runner: BulkRunner
    bulk_selection: BulkSelection
    accounts: Accounts

    @post(PROJECT_BULK, "eraser", 201, body=BulkRequest, answer=answers.BulkPlan, codes=_PLAN)
    async def plan(self, request: web.Request) -> web.Response:
        """Plan an action on the generations that a filter finds: nothing is changed.

        The answer counts those to which it applies now. Starting the plan acts on exactly these.
        """
        caller = await self._caller(request)
        body = await read_model(request, BulkRequest)
        filters, options = _read(body)
        scope = Scope(caller.project, body.user_id)
        is_public = bool(options.get("is_public", True))
        found = await self.bulk_selection.find(body.action, scope, filters, is_public=is_public)
        job = BulkJob(
            id=random_id(),
            action=body.action,
            actor=caller.actor,
            developer=caller.developer,
            project=caller.project,
            filters=body.filter_names,
            conditions=body.conditions,
            options=options,
            selected=len(found),
            digest=digest_of(found),
            request_id=request_id_of(request),
        )
        planned: answers.BulkPlan = {**job_body(await self.bulk_jobs.plan(job, found)), "sample": found[:_SAMPLE]}
        return web.json_response(planned, status=201, headers=_NO_STORE)

    @get(PROJECT_BULK, "eraser", answer=answers.BulkJobs)
    async def list_all(self, request: web.Request) -> web.Response:
        """List the bulk jobs of a project, the newest 50."""
        caller = await self._caller(request)
        jobs = await self.bulk_jobs.of_project(caller.project)
        body: answers.BulkJobs = {"jobs": [*map(job_body, jobs)]}
        return web.json_response(body, headers=_NO_STORE)

    @get(PROJECT_BULK_JOB, "eraser", answer=answers.BulkJob)
    async def read(self, request: web.Request) -> web.Response:
        """Show how far a bulk job is."""
        return web.json_response(job_body(await self._job(request)), headers=_NO_STORE)

    @post(f"{PROJECT_BULK_JOB}/start", "eraser", 202, answer=answers.BulkJob, codes=_START)
    async def start(self, request: web.Request) -> web.Response:
        """Start a planned job; repeatable. A developer has ten running ones at most."""
        job = await self._job(request)
        if job.state in ("completed", "canceled"):
            raise ExemplarError(ErrorCode.CONFLICT, f"The job is {job.state}")
        if job.state == "planned":
            require_capacity(await self.bulk_jobs.running(job.developer))
            await self.bulk_runner.begin(job)
        return web.json_response(job_body(await self._job(request)), status=202, headers=_NO_STORE)

    @delete(PROJECT_BULK_JOB, "eraser", answer=answers.BulkJob)
    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel the rest of a bulk job; what it has done stays.

        The generations that are under way are finished and counted; the state is `canceling` until then.
        """
        job = await self._job(request)
        if job.state in ("planned", "running"):
            await self.bulk_runner.cancel(job)
        for _ in range(_LOOKS):
            job = await self.bulk_jobs.find(job.project, job.id) or job
            if not job.canceling:
                break
            await asyncio.sleep(_LOOKED_EVERY)
        return web.json_response(job_body(job), headers=_NO_STORE)

    async def _caller(self, request: web.Request) -> Caller:
        """Authenticate the caller; `not_found` for a project that they may not act on."""
        identity = await self.authenticator.authenticate_eraser(request)
        project = path_id(request, "project_id")
        owner = await self.accounts.project_owner(project)
        foreign = isinstance(identity, DeveloperIdentity) and identity.developer_id != owner
        if owner is None or foreign:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return Caller(actor=identity.actor, developer=owner, project=project)

    async def _job(self, request: web.Request) -> BulkJob:
        caller = await self._caller(request)
        found = await self.bulk_jobs.find(caller.project, path_id(request, "job_id"))
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return found


def _read(body: BulkRequest) -> tuple[Filters, Mapping[str, Any]]:
    """Return the filter and the options of the action; raises every fault of both."""
    faults = Faults()
    filters, options = faults.check(body.filters), faults.check(body.options)
    faults.refuse()
    if filters is None or options is None:
        raise AssertionError("a fault was not refused")
    return filters, options
