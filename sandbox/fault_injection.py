"""The sandbox's own routes: arm faults, list creations, count what was requested and how callbacks were answered."""

from aiohttp import web

from sandbox.account import ACCOUNT
from sandbox.bodies import json_body
from sandbox.faults import parsed
from sandbox.problems import ProblemError


async def arm(request: web.Request) -> web.Response:
    try:
        faults = parsed(await json_body(request))
    except ValueError as error:
        raise ProblemError(422, str(error)) from None
    request.app[ACCOUNT].armed.arm(faults)
    return await show(request)


async def show(request: web.Request) -> web.Response:
    return web.json_response(request.app[ACCOUNT].armed.pending())


async def creations(request: web.Request) -> web.Response:
    """Return every creation, oldest first: a double charge is visible here."""
    return web.json_response({"creations": request.app[ACCOUNT].record.creations()})


async def requests(request: web.Request) -> web.Response:
    """Return every request to create, oldest first, the refused ones included."""
    return web.json_response({"requests": request.app[ACCOUNT].requests.listed()})


async def callbacks(request: web.Request) -> web.Response:
    """Return how many webhooks were answered with each status, by their fault; status 0: not at all."""
    return web.json_response({"callbacks": request.app[ACCOUNT].sender.answers()})


async def trapped(request: web.Request) -> web.Response:
    """Return the hits of the trap URL, and the most bytes of a huge output that one download has taken."""
    account = request.app[ACCOUNT]
    return web.json_response({"hits": account.trapped, "huge_bytes": account.huge_bytes})
