"""The password of a reset: the one that was sent, or a generated one."""

import secrets

from aiohttp import web

from domain.accounts.passwords import Passwords
from gateway.accounts.requests import PasswordResetRequest
from gateway.http.parsing import read_optional_model


async def chosen_password(request: web.Request, passwords: Passwords) -> tuple[str, str | None]:
    """Return the hash of the password that is sent or generated, and the password if it was generated."""
    body = await read_optional_model(request, PasswordResetRequest)
    generated = None if body.password is not None else secrets.token_urlsafe(12)
    return await passwords.hash(body.password or generated or ""), generated
