"""The output host, a stand-in for replicate.delivery: pictures by URL without a token, or spoiled ones."""

import asyncio
from typing import Final

from aiohttp import web

from sandbox.account import ACCOUNT
from sandbox.predictions import Prediction
from sandbox.problems import ProblemError, not_found
from sandbox.routes import found_prediction

HUGE_BYTES: Final = 500 * 1024 * 1024
_SLOW_PIECE: Final = 64
_SLOW_SECONDS: Final = 1.0
_STALL_SECONDS: Final = 120.0


async def download(request: web.Request) -> web.StreamResponse:
    prediction = found_prediction(request)
    index = int(request.match_info["index"])
    if index >= len(prediction.pictures):
        raise not_found("The requested file does not exist")
    return await _served(request, prediction, prediction.pictures[index])


async def _served(request: web.Request, prediction: Prediction, picture: bytes) -> web.StreamResponse:
    prediction.downloads += 1
    faults = prediction.faults
    spoiled = faults.output_times is None or prediction.downloads <= faults.output_times
    match faults.output if spoiled else None:
        case None | "foreign":
            return _png(picture)
        case "404":
            raise not_found("The requested file does not exist")
        case "expired":
            raise ProblemError(403, "The link has expired")
        case "truncated":
            return _png(picture[: len(picture) // 2])
        case "wrong_type":
            return web.Response(text="<html><body>Not a picture.</body></html>", content_type="text/html")
        case "redirect":
            raise web.HTTPFound(f"{prediction.base}/_sandbox/trap")
        case "huge":
            return await _huge(request, picture)
        case "slow":
            return await _slow(request, picture)
        case "stalled":
            return await _stalled(request, picture)


def _png(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="image/png", headers={"Cache-Control": "public, max-age=3600"})


async def _huge(request: web.Request, picture: bytes) -> web.StreamResponse:
    """Send a picture with zeros after it up to 500 MiB, the length unsaid."""
    answer = web.StreamResponse(headers={"Content-Type": "image/png"})
    await answer.prepare(request)
    await answer.write(picture)
    zeros = bytes(256 * 1024)
    account = request.app[ACCOUNT]
    for piece in range(1, HUGE_BYTES // len(zeros) + 1):
        await answer.write(zeros)
        account.huge_bytes = max(account.huge_bytes, piece * len(zeros))
    return answer


async def _slow(request: web.Request, picture: bytes) -> web.StreamResponse:
    """Send 64 bytes a second, slower than any client's timeout."""
    answer = web.StreamResponse(headers={"Content-Type": "image/png", "Content-Length": str(len(picture))})
    await answer.prepare(request)
    for start in range(0, len(picture), _SLOW_PIECE):
        await answer.write(picture[start : start + _SLOW_PIECE])
        await asyncio.sleep(_SLOW_SECONDS)
    return answer


async def _stalled(request: web.Request, picture: bytes) -> web.StreamResponse:
    """Send half a picture and keep the connection open."""
    answer = web.StreamResponse(headers={"Content-Type": "image/png", "Content-Length": str(len(picture))})
    await answer.prepare(request)
    await answer.write(picture[: len(picture) // 2])
    await asyncio.sleep(_STALL_SECONDS)
    return answer


async def page(request: web.Request) -> web.Response:
    """Redirect a prediction's web link to its first picture."""
    prediction = found_prediction(request)
    if not prediction.pictures:
        raise not_found("The prediction has no picture")
    raise web.HTTPFound(f"{prediction.base}/files/out/{prediction.id}/out-0.png")


async def trap(request: web.Request) -> web.Response:
    """Count requests that followed a redirect: no download may do so."""
    request.app[ACCOUNT].trapped += 1
    return web.Response(text="trapped")
