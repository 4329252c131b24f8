"""A list of many predictions, each of which echoes its picture, takes the memory of a few pages."""

import gc
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from events.envelope import format_time
from tests.actors.harness import TOKEN
from tests.builders.clock import Clock

PAGES, ON_A_PAGE = 30, 10
PICTURE = "data:image/jpeg;base64," + "A" * 100_000


def prediction(name: str, created: str) -> dict[str, Any]:
    """A running prediction as Replicate lists it."""
    known = {"id": name, "version": "v1", "model": "stability-ai/sdxl", "status": "processing", "created_at": created}
    unknown = dict.fromkeys(("output", "error", "started_at", "completed_at"))
    webhook = "http://127.0.0.1/callback"
    return {**known, **unknown, "input": {"image": PICTURE}, "logs": "", "urls": {}, "webhook": webhook}


@asynccontextmanager
async def listing(created: str) -> AsyncIterator[str]:
    """Serve the pages."""

    async def answer(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", "1"))
        following = str(request.url.with_query(cursor=number + 1)) if number < PAGES else None
        results = [prediction(f"p{number}x{each}", created) for each in range(ON_A_PAGE)]
        return web.Response(text=json.dumps({"next": following, "results": results}), content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/predictions", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@contextmanager
def measured() -> Iterator[None]:
    """Trace allocations without the garbage collector, which comes late where little is allocated."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.enable()


async def test_a_list_takes_the_memory_of_a_few_pages(clock: Clock) -> None:
    created = format_time(clock())
    async with listing(created) as url:
        settings = ReplicateSettings(replicate_api_token=SecretStr(TOKEN), replicate_base_url=url)
        async with ReplicateProvider(settings, clock=clock) as model:
            with measured():
                found = await model.list_since(clock() - timedelta(minutes=1))
                peak = tracemalloc.get_traced_memory()[1]
    assert len({one.id for one in found}) == PAGES * ON_A_PAGE
    assert peak < 15 * ON_A_PAGE * len(PICTURE)
