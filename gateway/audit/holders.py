from aiohttp import web

from gateway.auth.authentication import Authenticator


async def admit_holder(authenticator: Authenticator, request: web.Request) -> None:
    """Authenticate an account of any role, or an operator key."""
    if "X-Operator-Key" in request.headers:
        await authenticator.authenticate_operator(request)
    else:
        await authenticator.authenticate_account(request)
