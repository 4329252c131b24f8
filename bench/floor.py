"""The floor that submit is compared with: the least code that does durable work."""

import asyncio
import hashlib
import os
import sys
from typing import Any

from aiohttp import BodyPartReader, web
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern


class Floor:
    """Parse a multipart request and make two majority inserts."""

    def __init__(self, mongodb_url: str) -> None:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongodb_url)
        database = client.get_database("floor", write_concern=WriteConcern(w="majority", j=True))
        self._blobs = database.get_collection("blobs")
        self._events = database.get_collection("events")

    async def submit(self, request: web.Request) -> web.Response:
        reader = await request.multipart()
        parts = [bytes(await part.read()) async for part in reader if isinstance(part, BodyPartReader)]
        digest = hashlib.sha256(parts[0]).hexdigest()
        key = ObjectId()
        await self._blobs.insert_one({"_id": key, "data": parts[0], "sha256": digest})
        await self._events.insert_one({"_id": key, "type": "requested", "body": parts[-1]})
        return web.json_response({"id": str(key)}, status=202)


async def serve(mongodb_url: str, port: int) -> None:
    floor = Floor(mongodb_url)
    app = web.Application(client_max_size=2**26)
    app.add_routes([web.post("/", floor.submit)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(os.environ["FLOOR_MONGODB_URL"], int(sys.argv[1])))
