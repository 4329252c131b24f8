"""Rate limits: requests are counted per developer and day, and every response states the limits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from domain.accounts.limits import LimitStatus, headers
from domain.accounts.quota import period_of, seconds_to_next_day
from domain.accounts.tiers import Tier
from domain.errors import ErrorCode, LimitError
from domain.paths import AUTH, PROJECT_USER
from gateway.http.error_log import CODE
from store.errors import StoreError
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.requests import Requests

IDLE = timedelta(minutes=1)
NO_TIER = "-"
PERIOD_SECONDS = 30.0
_UNCOUNTED_STATUS: Final = frozenset({403, 404, 405})
_ALWAYS_ALLOWED: Final = frozenset(
    {
        ("POST", f"{AUTH}/logout"),
        ("POST", f"{AUTH}/password"),
        ("PUT", f"{PROJECT_USER}/password"),
    }
)
"""Requests that take access from an intruder, beside every DELETE: no limit stops them."""


log = structlog.get_logger()


class CountedDeveloper(NamedTuple):
    """The developer that a request counts for."""

    id: str
    tier: Tier


FindDeveloper = Callable[[web.Request], Awaitable[CountedDeveloper | None]]


COUNTED: Final = web.RequestKey("counted_developer", CountedDeveloper)
OVER_LIMIT: Final = web.RequestKey("over_limit", LimitError)
"""Set on a request beyond the day's limit that may still replay a known Idempotency-Key."""


class RateLimits:
    """Count requests, put limits on responses, and log the number of refusals twice a minute."""

    def __init__(self, admission: Admission, requests: Requests, *, clock: Callable[[], datetime]) -> None:
        self._admission = admission
        self._requests = requests
        self._clock = clock
        self._refused: Counter[tuple[str, str]] = Counter()

    def install(self, app: web.Application, find_developer: FindDeveloper) -> None:
        """Put limits on every response; `find_developer` names the developer of an uncounted request."""

        async def add_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
            await self.add_headers(request, response, find_developer)

        app.on_response_prepare.append(add_headers)
        app.cleanup_ctx.append(self._run)

    async def count(self, request: web.Request, developer: CountedDeveloper, *, replayable: bool = False) -> None:
        """Count a request, once; LimitError beyond the day's limit.

        A `replayable` request passes with the mark OVER_LIMIT: only its body shows whether it is a replay.
        """
        if COUNTED in request or await self._spend(request, developer):
            return
        refusal = LimitError(ErrorCode.REQUEST_LIMIT, seconds_to_next_day(self._clock()))
        request[OVER_LIMIT] = refusal
        if not (replayable or _is_always_allowed(request)):
            raise refusal

    async def _spend(self, request: web.BaseRequest, developer: CountedDeveloper) -> bool:
        request[COUNTED] = developer
        return await self._requests.spend(developer.id, developer.tier.daily_requests)

    async def add_headers(
        self, request: web.BaseRequest, response: web.StreamResponse, find_developer: FindDeveloper
    ) -> None:
        """Put the limits on the response to a counted request; streams carry them too.

        Errors are logged only: an exception here would replace a response that is ready.
        """
        try:
            await self._count_refused(request, response, find_developer)
            developer = request.get(COUNTED)
            if developer is not None and response.status != 503:  # 503: the store is unavailable
                status = await self._status(developer)
                response.headers.update(headers(developer.tier, status, self._clock()))
        except StoreError as error:
            log.debug("limit_headers_missing", error=type(error).__name__)
        except Exception:
            log.exception("limit_headers_missing")
        self._count_refusal(request, response)

    async def _count_refused(
        self, request: web.BaseRequest, response: web.StreamResponse, find_developer: FindDeveloper
    ) -> None:
        """Count a request that was refused before authentication, or because of its role."""
        if COUNTED in request or response.status not in _UNCOUNTED_STATUS:
            return
        developer = await find_developer(request) if isinstance(request, web.Request) else None
        if developer is not None:
            await self._spend(request, developer)

    def _count_refusal(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Count a 429 under its code and the tier; under no tier without a developer, as at a login."""
        code, developer = request.get(CODE), request.get(COUNTED)
        if response.status == 429 and code is not None:
            self._refused[developer.tier.name if developer else NO_TIER, code] += 1

    async def _status(self, counted: CountedDeveloper) -> LimitStatus:
        developer, tier = counted
        bounds = Bounds(monthly=tier.monthly, concurrent=tier.concurrent)
        used, slots = 0, 0
        if bounds != Bounds(monthly=None, concurrent=None):
            account = await self._admission.recent_account(developer, bounds)
            used, slots = account.used_in(period_of(self._clock())), account.running
        return LimitStatus(used, slots, await self._requests.left(developer, tier.daily_requests))

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._repeat(), name="rate_limits")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._flush(idle=timedelta())

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self._flush(idle=IDLE)

    async def _flush(self, *, idle: timedelta) -> None:
        refused, self._refused = self._refused, Counter()
        for (tier, code), count in sorted(refused.items()):
            log.info("requests_refused", tier=tier, code=code, count=count)
        try:
            await self._requests.give_back(idle=idle)
        except StoreError as error:
            log.warning("requests_not_returned", error=type(error).__name__)


def _is_always_allowed(request: web.Request) -> bool:
    """Tell whether a request takes access from an intruder: no limit stops it."""
    resource = request.match_info.route.resource
    template = resource.canonical if resource is not None else ""
    return request.method == "DELETE" or (request.method, template) in _ALWAYS_ALLOWED
