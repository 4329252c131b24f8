"""The sandbox's own routes: arm faults, read what was created and who fell into the trap."""

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
    return web.json_response(request.app[ACCOUNT].armed.shown())


async def creations(request: web.Request) -> web.Response:
    """Answer every prediction ever committed, oldest first: who paid twice is seen here."""
    return web.json_response({"creations": request.app[ACCOUNT].ledger.creations()})


async def trapped(request: web.Request) -> web.Response:
    return web.json_response({"hits": request.app[ACCOUNT].trapped})
