"""The account that a request acts for."""

from typing import Final

from aiohttp import web

ACCOUNT: Final = web.RequestKey("account", str)
"""Set once the signature of the request's access token is verified: the id of an end user, developer or staff."""
