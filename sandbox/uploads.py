"""The routes of /v1/files."""

import json
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.account import ACCOUNT, base_of
from sandbox.files import LARGEST, File
from sandbox.problems import ProblemError, not_found


def found_file(request: web.Request) -> File:
    file = request.app[ACCOUNT].files.get(request.match_info["id"])
    if file is None:
        raise not_found("File not found")
    return file


async def create(request: web.Request) -> web.Response:
    """Take a multipart upload: `content` is the file, `metadata` a JSON object."""
    data, name, kind, metadata = await _parts(request)
    file = request.app[ACCOUNT].files.add(data, name=name, content_type=kind, metadata=metadata, base=base_of(request))
    return web.json_response(file.body(), status=201)


async def _parts(request: web.Request) -> tuple[bytes, str, str, dict[str, Any]]:
    if not request.content_type.startswith("multipart/"):
        raise ProblemError(422, "The file must be sent as multipart/form-data")
    data, name, kind, metadata = None, "file", "application/octet-stream", {}
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "content":
            data, name = await _limited(part), part.filename or name
            kind = part.headers.get("Content-Type", kind)
        elif isinstance(part, BodyPartReader) and part.name == "metadata":
            metadata = _metadata(await part.text())
    if data is None:
        raise ProblemError(422, "The part 'content' is required")
    return data, name, kind, metadata


async def _limited(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > LARGEST:
            raise ProblemError(413, "Files must be less than 100MB in size")
    return bytes(data)


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProblemError(422, "metadata must be a JSON object")
    return value


async def list_all(request: web.Request) -> web.Response:
    results = [file.body() for file in request.app[ACCOUNT].files.newest_first()]
    return web.json_response({"next": None, "previous": None, "results": results})


async def show(request: web.Request) -> web.Response:
    return web.json_response(found_file(request).body())


async def download(request: web.Request) -> web.Response:
    file = found_file(request)
    return web.Response(body=file.data, headers={"Content-Type": file.content_type})


async def delete(request: web.Request) -> web.Response:
    found_file(request)
    request.app[ACCOUNT].files.remove(request.match_info["id"])
    return web.Response(status=204)
