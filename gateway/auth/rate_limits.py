"""The day's requests are counted where a developer becomes known, and every answer tells him his limits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from domain.accounts.access import Claims, DeveloperIdentity, Identity, Role, Tenancy
from domain.accounts.credentials import Peppers
from domain.accounts.limits import LimitStatus, headers
from domain.accounts.quota import period_of, seconds_to_next_day
from domain.accounts.tiers import TIERS, Tier, tier_of
from domain.errors import ErrorCode, LimitError
from gateway.auth.authentication import Authenticator
from gateway.auth.tokens import Tokens
from gateway.http.error_log import CODE
from store.accounts.accounts import Accounts
from store.errors import StoreError
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.requests import Requests

IDLE = timedelta(minutes=1)
NO_TIER = "-"
PERIOD_SECONDS = 30.0
_UNASKED: Final = frozenset({403, 404, 405})
_DEFENCES: Final = frozenset(
    {
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/password"),
        ("PUT", "/api/v1/projects/{project_id}/users/{user_id}/password"),
    }
)
"""Beside every DELETE; a password that is set ends the logins of before."""

Payer = Callable[[web.Request], Awaitable[tuple[str, Tier] | None]]

log = structlog.get_logger()


class Known(NamedTuple):
    """Whose limits an answer tells."""

    developer: str
    tier: Tier


KNOWN: Final = web.RequestKey("known_developer", Known)
OVERDRAWN: Final = web.RequestKey("overdrawn", LimitError)
"""Set on a request beyond the day's limit; it may still be the replay of a known Idempotency-Key."""


class Limits:
    """Count requests, tell limits, and count what was refused: one line of the log in half a minute."""

    def __init__(self, admission: Admission, requests: Requests, *, clock: Callable[[], datetime]) -> None:
        self._admission = admission
        self._requests = requests
        self._clock = clock
        self._refused: Counter[tuple[str, str]] = Counter()

    def install(self, app: web.Application, payer: Payer) -> None:
        """Let every answer of an application tell the limits; `payer` tells whose token a refused one has."""

        async def tell(request: web.BaseRequest, response: web.StreamResponse) -> None:
            await self.tell(request, response, payer)

        app.on_response_prepare.append(tell)
        app.cleanup_ctx.append(self._tidying)

    async def admit(self, request: web.Request, known: Known, *, replayable: bool = False) -> None:
        """Count a request of a developer who is known now; LimitError when the day's are used up.

        A `replayable` one is let through marked: whether it is a replay shows only when its body is read.
        """
        if KNOWN in request or await self._spend(request, known):
            return
        refusal = LimitError(ErrorCode.REQUEST_LIMIT, seconds_to_next_day(self._clock()))
        request[OVERDRAWN] = refusal
        if not (replayable or _defends(request)):
            raise refusal

    async def _spend(self, request: web.BaseRequest, known: Known) -> bool:
        request[KNOWN] = known
        return await self._requests.spend(known.developer, known.tier.daily_requests)

    async def tell(self, request: web.BaseRequest, response: web.StreamResponse, payer: Payer) -> None:
        """Put the limits on an answer to a known developer; a signal, so that streams carry them too.

        A header never costs an answer: whatever is raised here would take the place of one that is ready.
        """
        try:
            await self._know(request, response, payer)
            known = request.get(KNOWN)
            if known is not None and response.status != 503:  # which means that the store cannot be asked
                response.headers.update(headers(known.tier, await self._status(known), self._clock()))
        except StoreError as error:
            log.debug("limits not told", error=type(error).__name__)
        except Exception:
            log.exception("limits not told")
        self._count(request, response, request.get(KNOWN))

    async def _know(self, request: web.BaseRequest, response: web.StreamResponse, payer: Payer) -> None:
        """Count also what was refused before anybody asked who sends it, or because of his role."""
        if KNOWN in request or response.status not in _UNASKED or not isinstance(request, web.Request):
            return
        found = await payer(request)
        if found is not None:
            await self._spend(request, Known(*found))

    def _count(self, request: web.BaseRequest, response: web.StreamResponse, known: Known | None) -> None:
        """Count a refusal by limit under its own code; under no tier where nobody is known, as at a login."""
        code = request.get(CODE)
        if response.status == 429 and code is not None:
            self._refused[known.tier.name if known else NO_TIER, code] += 1

    async def _status(self, known: Known) -> LimitStatus:
        developer, tier = known
        bounds = Bounds(monthly=tier.monthly, concurrent=tier.concurrent)
        used, slots = 0, 0
        if bounds != Bounds(monthly=None, concurrent=None):
            account = await self._admission.recent_account(developer, bounds)
            used, slots = account.used_in(period_of(self._clock())), len(account.slots)
        return LimitStatus(used, slots, await self._requests.left(developer, tier.daily_requests))

    async def _tidying(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._tidy(), name="limits")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._round(idle=timedelta())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self._round(idle=IDLE)

    async def _round(self, *, idle: timedelta) -> None:
        refused, self._refused = self._refused, Counter()
        for (tier, code), count in sorted(refused.items()):
            log.info("requests refused", tier=tier, code=code, count=count)
        try:
            await self._requests.give_back(idle=idle)
        except StoreError as error:
            log.warning("requests not given back", error=type(error).__name__)


def _defends(request: web.Request) -> bool:
    """Tell whether a request takes something away from an intruder: no limit may stand before that."""
    resource = request.match_info.route.resource
    template = resource.canonical if resource is not None else ""
    return request.method == "DELETE" or (request.method, template) in _DEFENCES


class CountingAuthenticator(Authenticator):
    """Tell who sends a request, and count it among the developer's once he is known."""

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        peppers: Peppers,
        *,
        limits: Limits,
        tiers: Mapping[str, Tier] = TIERS,
        operator_keys: Sequence[str] = (),
    ) -> None:
        super().__init__(accounts, tokens, peppers, tiers=tiers, operator_keys=operator_keys)
        self._limits = limits

    async def submitter(self, request: web.Request) -> Identity:
        identity = await super().submitter(request)
        replayable = "Idempotency-Key" in request.headers
        await self._limits.admit(request, Known(identity.developer_id, identity.tier), replayable=replayable)
        return identity

    async def reader(self, request: web.Request) -> Identity:
        identity = await super().reader(request)
        await self._limits.admit(request, Known(identity.developer_id, identity.tier))
        return identity

    async def developer(self, request: web.Request) -> DeveloperIdentity:
        identity = await super().developer(request)
        await self._limits.admit(request, Known(identity.developer_id, identity.tier))
        return identity

    async def registrar(self, request: web.Request) -> Tenancy:
        found = await super().registrar(request)
        tier = tier_of(found.tier, self._tiers)
        await self._limits.admit(request, Known(found.developer.id, tier))
        return found

    async def account(self, request: web.Request) -> Claims:
        claims, _ = self.presented(request)
        match claims.role:
            case Role.END_USER:
                await self.reader(request)
            case Role.DEVELOPER:
                await self.developer(request)
            case _:
                await super().account(request)
        return claims
