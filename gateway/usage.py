"""`GET /api/v1/usage`: generations by project, user and time; end users read their own."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final, cast

from aiohttp import web

from domain.accounts.access import Role
from domain.accounts.limits import LimitStatus, Policy, policies
from domain.accounts.quota import next_day, next_period, period_of
from domain.accounts.tiers import Tier
from domain.errors import invalid_field
from domain.paths import USAGE
from gateway.auth.authentication import Authenticator
from gateway.openapi.operation import get
from gateway.usage_answers import UsageReport
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.requests import Requests
from store.quota.usage import DIMENSIONS, Dimension, Line, Tally, TooManyLinesError, Usage, UsageQuery

MAX_DAYS: Final = 366
_ANSWER: Final = {"application/json": UsageReport, "text/csv": None}
_END_USER_DIMENSIONS: Final[tuple[Dimension, ...]] = ("day", "month")
_NAMES: Final[Mapping[Dimension, str]] = {
    "project": "project_id", "user": "user_id", "day": "day", "month": "month", "key": "api_key_id",
}  # fmt: skip
_COUNTS: Final = ("generations", "completed", "failed", "running", "units", "cost_usd")

_refusal: Final = partial(invalid_field, "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRoutes:
    """Answer usage and what is left of the limits."""

    authenticator: Authenticator
    usage: Usage
    admission: Admission
    requests: Requests
    clock: Callable[[], datetime]

    @get(USAGE, "account_reader", query=("from", "to", "by", "format"), answer=_ANSWER)
    async def read(self, request: web.Request) -> web.Response:
        """Read what was generated, by project, user and time, as an end user your own; CSV with `format=csv`."""
        claims = await self.authenticator.claims(request)
        if claims.role is Role.END_USER:
            end_user = await self.authenticator.authenticate_end_user(request)
            query = self._query(request, end_user.developer_id, _END_USER_DIMENSIONS)
            own = replace(query, project=end_user.project_id, user=end_user.user_id)
            return await self._answer(
                request, own, {"limits": await self._limits(end_user.developer_id, end_user.tier)}
            )
        developer = await self.authenticator.authenticate_developer(request)
        query = self._query(request, developer.developer_id, tuple(DIMENSIONS))
        limits = await self._limits(developer.developer_id, developer.tier)
        return await self._answer(request, query, {"tier": developer.tier.name, "limits": limits})

    def _query(self, request: web.Request, developer: str, allowed: Sequence[Dimension]) -> UsageQuery:
        today = self.clock().date()
        first = _day(request, "from", today.replace(day=1))
        last = _day(request, "to", max(today, first))
        if last < first or (last - first).days >= MAX_DAYS:
            raise _refusal("to", f"must be at most {MAX_DAYS} days, from `from` on")
        return UsageQuery(developer, first, last, _dimensions(request, allowed))

    async def _answer(self, request: web.Request, query: UsageQuery, members: Mapping[str, object]) -> web.Response:
        try:
            lines = await self.usage.lines(query)
        except TooManyLinesError:
            raise _refusal("by", "gives too many lines: ask for fewer days or a coarser `by`") from None
        headers = {"Cache-Control": "private, no-store", "Vary": "Accept"}
        if _wants_csv(request):
            name = f"usage-{query.first}-{query.last}.csv"
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
            return web.Response(text=_csv(query, lines), content_type="text/csv", headers=headers)
        body = {
            "from": query.first.isoformat(),
            "to": query.last.isoformat(),
            "by": list(query.by),
            **members,
            "totals": _counts(sum((line.tally for line in lines), Tally())),
            "usage": [_row(query, line) | _counts(line.tally) for line in lines],
        }
        return web.json_response(body, headers=headers)

    async def _limits(self, developer: str, tier: Tier) -> dict[str, dict[str, object]]:
        """Return each limit of the tier with what is left of it now, for all users of the developer together."""
        now = self.clock()
        account = await self.admission.recent_account(developer, Bounds(tier.monthly, tier.concurrent))
        left = await self.requests.left(developer, tier.daily_requests)
        status = LimitStatus(account.used_in(period_of(now)), account.running, left)
        ends = {"monthly": next_period(now), "daily": next_day(now)}
        return {policy.name: _limit(policy, ends.get(policy.name)) for policy in policies(tier, status, now)}


def _limit(policy: Policy, resets_at: datetime | None) -> dict[str, object]:
    limit: dict[str, object] = {"limit": policy.quota, "remaining": policy.remaining}
    return limit if resets_at is None else limit | {"resets_at": resets_at.isoformat()}


def _dimensions(request: web.Request, allowed: Sequence[Dimension]) -> tuple[Dimension, ...]:
    text = _once(request, "by")
    names = ["day"] if text is None else text.split(",")
    if len(set(names)) != len(names) or not set(names) <= set(allowed):
        raise _refusal("by", f"must be one or more of {', '.join(allowed)}, between commas")
    return cast("tuple[Dimension, ...]", tuple(names))


def _day(request: web.Request, name: str, default: date) -> date:
    text = _once(request, name)
    if text is None:
        return default
    try:
        if len(text) == 10 and 1970 <= (day := date.fromisoformat(text)).year <= 2999:
            return day
    except ValueError:
        pass
    raise _refusal(name, "must be a day: 2026-11-22")


def _once(request: web.Request, name: str) -> str | None:
    given = request.query.getall(name, [])
    if len(given) > 1:
        raise _refusal(name, "may be given once")
    return given[0] if given else None


def _wants_csv(request: web.Request) -> bool:
    accepts_csv = request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip() == "text/csv"
    chosen = _once(request, "format")
    if chosen is None:
        return accepts_csv
    if chosen not in ("csv", "json"):
        raise _refusal("format", "must be json or csv")
    return chosen == "csv"


def _csv(query: UsageQuery, lines: Sequence[Line]) -> str:
    """Write CSV (RFC 4180) with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*(_NAMES[name] for name in query.by), *_COUNTS])
    writer.writeheader()
    writer.writerows(_row(query, line) | _counts(line.tally) for line in lines)
    return text.getvalue()


def _row(query: UsageQuery, line: Line) -> dict[str, object]:
    """Write the dimensions; a key is null where the request was sent without one, or before keys were recorded."""
    return {_NAMES[name]: value or None for name, value in zip(query.by, line.values, strict=True)}


def _counts(tally: Tally) -> dict[str, object]:
    return {name: getattr(tally, name) for name in _COUNTS}
