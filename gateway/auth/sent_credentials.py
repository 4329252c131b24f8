"""What an end user sends with a request, and what their account is looked up by."""

from typing import Final, NamedTuple

from aiohttp import web

from domain.accounts.access import Claims
from domain.accounts.headers import PresentedCredentials
from store.accounts.queries import Credentials


class SentCredentials(NamedTuple):
    """Claims and headers of an end user; keys are hashed once a request. `named` is None for any other role."""

    claims: Claims
    presented: PresentedCredentials
    named: Credentials | None


SENT: Final = web.RequestKey("sent_credentials", SentCredentials)
