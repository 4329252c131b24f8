"""The files of the console, read once and kept compressed."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.http.conditional import unchanged

STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {".js": "text/javascript", ".md": "text/plain", "": "text/plain"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served; `compressed` is its gzip form, `etag` is quoted."""

    content: bytes
    compressed: bytes
    content_type: str
    etag: str


def read_files(folder: Path = STATIC) -> Mapping[str, StaticFile]:
    """Read every file below a folder, by its path with slashes."""
    return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def file_response(request: web.Request, file: StaticFile, headers: Mapping[str, str]) -> web.Response:
    """Answer a file, compressed for whoever accepts it; 304 for whoever has it."""
    headers = {**headers, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if unchanged(request, file.etag):
        return web.Response(status=304, headers=headers)
    body = file.content
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers, body = {**headers, "Content-Encoding": "gzip"}, file.compressed
    return web.Response(body=body, content_type=file.content_type, charset="utf-8", headers=headers)


def file_of(content: bytes, content_type: str) -> StaticFile:
    """Keep content that is written rather than read."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return StaticFile(content, gzip.compress(content, mtime=0), content_type, etag)


def _read(path: Path) -> StaticFile:
    content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return file_of(path.read_bytes(), content_type)
