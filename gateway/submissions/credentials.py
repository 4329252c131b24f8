"""The credentials of a submission are checked again after its upload and after a wait."""

from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from domain.accounts.access import Identity
from domain.errors import ExemplarError
from gateway.auth.authentication import Authenticator
from store.errors import StoreError

_RECHECK_AFTER: Final = timedelta(seconds=1)


_ADMITTED_AT: Final = web.RequestKey("admitted_at", datetime)


def note_admission(request: web.Request, now: datetime) -> None:
    """Note when a request was admitted; its token may expire before the check is repeated."""
    request[_ADMITTED_AT] = now


async def rechecked(authenticator: Authenticator, request: web.Request, now: datetime) -> Identity:
    """Authenticate again, from the store if more than a second has passed; raises ExemplarError."""
    return await authenticator.recheck(request, cached=now - request[_ADMITTED_AT] <= _RECHECK_AFTER)


async def still_admitted(authenticator: Authenticator, request: web.Request) -> bool:
    """Tell whether the credentials are still valid; False also when the store cannot be read."""
    try:
        await authenticator.recheck(request, cached=False)
    except (ExemplarError, StoreError):
        return False
    return True
