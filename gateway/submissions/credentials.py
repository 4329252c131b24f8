"""The credentials of a submission are checked again after its upload and after a wait."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aiohttp import web

from domain.accounts.access import Claims, Identity
from domain.accounts.headers import PresentedCredentials
from domain.errors import ExemplarError
from gateway.auth.authentication import Authenticator
from store.errors import StoreError

_RECHECK_AFTER: Final = timedelta(seconds=1)


class AdmittedCredentials(NamedTuple):
    """What a request was admitted with, and when."""

    claims: Claims
    presented: PresentedCredentials
    admitted_at: datetime


_ADMITTED: Final = web.RequestKey("admitted", AdmittedCredentials)


def keep_credentials(request: web.Request, authenticator: Authenticator, now: datetime) -> None:
    """Keep what a request was admitted with: its token may expire before the check is repeated."""
    request[_ADMITTED] = AdmittedCredentials(*authenticator.presented_credentials(request), now)


async def rechecked(authenticator: Authenticator, request: web.Request, now: datetime) -> Identity:
    """Authenticate again, from the store if more than a second has passed; raises ExemplarError."""
    claims, presented, admitted_at = request[_ADMITTED]
    return await authenticator.recheck(claims, presented, cached=now - admitted_at <= _RECHECK_AFTER)


async def still_admitted(authenticator: Authenticator, request: web.Request) -> bool:
    """Tell whether the credentials are still valid; False also when the store cannot be read."""
    claims, presented, _ = request[_ADMITTED]
    try:
        await authenticator.recheck(claims, presented, cached=False)
    except (ExemplarError, StoreError):
        return False
    return True
