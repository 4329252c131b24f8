"""Count long answers in the budget of outgoing bytes until the client has read them."""

from contextlib import closing
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from domain.errors import ErrorCode, ExemplarError
from gateway.http.account import ACCOUNT
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.http.client_address import ClientAddresses

_LONG: Final = 64 * 1024  # a connection's own buffer holds so much


def long_answers(budget: ByteBudget, addresses: ClientAddresses) -> Middleware:
    """Make the middleware; it answers `server_busy` at once for a client whose share is used up."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        body = response.body if isinstance(response, web.Response) and not response.prepared else None
        if isinstance(body, bytes) and len(body) > _LONG:
            holder, user = addresses.of(request), request.get(ACCOUNT, "")
            if not budget.fits(holder, len(body), user=user):
                raise ExemplarError(ErrorCode.SERVER_BUSY)
            with closing(ByteLease(budget, holder, user=user)) as lease:
                await lease.use(len(body))
                await response.prepare(request)
                await response.write_eof()
        return response

    return middleware
