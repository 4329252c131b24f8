"""The console: static files, and the exchange of its sign-in link."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from domain.errors import ErrorCode, ExemplarError
from domain.paths import CONSOLE
from gateway.accounts.bodies import secret_response
from gateway.console.files import StaticFile, file_response
from gateway.console.sign_in_link import SignInLink
from gateway.http.conditional import UNCHANGED
from gateway.http.parsing import Body, read_model
from gateway.openapi.operation import get, post
from gateway.openapi.values import Free

_PAGE: Final = "index.html"
_ANSWER: Final = dict.fromkeys(("text/html", "text/javascript", "text/css", "image/svg+xml"))
# blob: previews of chosen files; data: icons in Pico's style sheet
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SignInLinkRequest(Body):
    """The code of a sign-in link."""

    code: str = Field(min_length=1, max_length=128)


class Demonstration(TypedDict):
    """The accounts of the demonstration with their credentials."""

    accounts: Sequence[Free]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleRoutes:
    """Serve the console; every path without a file extension is its page, which reads the path itself."""

    console_files: Mapping[str, StaticFile]
    sign_in_link: SignInLink
    clock: Callable[[], datetime]

    @get(CONSOLE, "public", 303, answer={"text/plain": None})
    async def enter(self, _: web.Request) -> web.Response:
        """Redirect to the console."""
        raise web.HTTPSeeOther(f"{CONSOLE}/")

    @get(f"{CONSOLE}/{{path:.*}}", "public", answer=_ANSWER, also=UNCHANGED)
    async def read(self, request: web.Request) -> web.Response:
        """Read a file of the console."""
        path = request.match_info["path"]
        is_page = "." not in path.rpartition("/")[2]
        file = self.console_files.get(_PAGE if is_page else path)
        if file is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "The console has no such file")
        return file_response(request, file, _HEADERS)

    @post(
        f"{CONSOLE}/sign-in-link",
        "public",
        body=SignInLinkRequest,
        answer=Demonstration,
        codes=(ErrorCode.INVALID_TICKET,),
    )
    async def use_link(self, request: web.Request) -> web.Response:
        """Exchange the code of the link that `exemplar up` prints, on this machine alone and once."""
        body = await read_model(request, SignInLinkRequest)
        found = self.sign_in_link.use(body.code, self.clock()) if _is_local(request) else None
        if found is None:
            raise ExemplarError(
                ErrorCode.INVALID_TICKET, "The link is not valid, was used, or is older than 10 minutes"
            )
        return secret_response(found)


def _is_local(request: web.Request) -> bool:
    """Tell whether a request comes from this machine, and through no proxy."""
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    try:
        return not forwarded and ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
