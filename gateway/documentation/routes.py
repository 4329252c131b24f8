"""`/docs` and its neighbours: what the service says about its API, for people and for programs."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.paths import ASYNCAPI, DOCS, ERROR_PAGE, LLMS
from gateway.console.files import StaticFile, file_of, file_response, read_files
from gateway.documentation.asyncapi import asyncapi
from gateway.documentation.error_page import error_page
from gateway.generations.links import Links
from gateway.http.conditional import UNCHANGED
from gateway.openapi.operation import get
from gateway.openapi.values import Free

_HTML: Final = {"text/html": None}
_HEADERS: Final = {
    # data: icons in Pico's style sheet
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Swagger UI sets styles by script, which needs no exception; its icons are data: pictures, its downloads blob: ones.
_API_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_API_HEADERS: Final = {**_HEADERS, "Content-Security-Policy": _API_POLICY}
_STATIC: Final = Path(__file__).with_name("static")
_ASYNCAPI_TYPE: Final = "application/json"
_RENEWED: Final = "public, max-age=300"
_FILES: Final = dict.fromkeys(("text/html", "text/javascript", "text/css", "text/plain"))


class DocumentationRoutes:
    """Serve the API page with its files, and the page about errors."""

    @get(DOCS, "public", answer=_HTML, also=UNCHANGED)
    async def read(self, request: web.Request) -> web.Response:
        """Read the API page: try each operation in a browser."""
        return file_response(request, (await _files())["index.html"], _API_HEADERS)

    @get(ERROR_PAGE, "public", answer=_HTML, also=UNCHANGED)
    async def read_errors(self, request: web.Request) -> web.Response:
        """Read the page about errors: when each comes, and what to do."""
        return file_response(request, _error_file(), _HEADERS)

    @get(f"{DOCS}/{{path:.+}}", "public", answer=_FILES, also=UNCHANGED)
    async def read_file(self, request: web.Request) -> web.Response:
        """Read a file of the API page."""
        file = (await _files()).get(request.match_info["path"])
        if file is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "The documentation has no such file")
        return file_response(request, file, _API_HEADERS)


async def _files() -> Mapping[str, StaticFile]:
    """Read the files for the first request: to compress them takes a tenth of a second."""
    return await asyncio.to_thread(_read_files)


@cache
def _read_files() -> Mapping[str, StaticFile]:
    return read_files(_STATIC)


@cache
def _error_file() -> StaticFile:
    return file_of(error_page().encode(), "text/html")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideRoutes:
    """Serve what programs read: the AsyncAPI document, and the guide for language models."""

    links: Links
    version: str

    @get(ASYNCAPI, "public", answer={_ASYNCAPI_TYPE: Free}, also=UNCHANGED)
    async def read_asyncapi(self, request: web.Request) -> web.Response:
        """Read the AsyncAPI document of streams, webhooks and the exchange."""
        file = await asyncio.to_thread(_asyncapi_file, self.version, self.links.public_url)
        return file_response(request, file, {"Cache-Control": _RENEWED})

    @get(LLMS, "public", answer={"text/plain": None}, also=UNCHANGED)
    async def read_guide(self, request: web.Request) -> web.Response:
        """Read a short guide to this API for language models."""
        guide = _guide().replace("{base}", self.links.base(request))
        return file_response(request, file_of(guide.encode(), "text/plain"), {"Cache-Control": _RENEWED})


@cache
def _asyncapi_file(version: str, server: str | None) -> StaticFile:
    return file_of(json.dumps(asyncapi(version, server), separators=(",", ":")).encode(), _ASYNCAPI_TYPE)


@cache
def _guide() -> str:
    return Path(__file__).with_name("llms.txt").read_text(encoding="utf-8")
