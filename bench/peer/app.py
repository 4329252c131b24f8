"""The peer's web process: `uvicorn bench.peer.app:app`, one process."""

import asyncio
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, File, Form, Header, HTTPException, Request, UploadFile
from PIL import Image
from standardwebhooks import Webhook, WebhookVerificationError

from bench.peer.database import async_database
from bench.peer.settings import settings
from bench.peer.tasks import finish, generate

MAX_BYTES = 10 * 1024 * 1024
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

app = FastAPI()


async def user(authorization: Annotated[str, Header()], x_api_key: Annotated[str, Header()]) -> dict[str, Any]:
    """Authenticate: the token, the account that it names, and the key of its project."""
    try:
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, settings().jwt_secret, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Could not validate credentials") from None
    found = await async_database()["users"].find_one({"_id": claims["sub"]})
    if found is None or found["key_hash"] != hashlib.sha256(x_api_key.encode()).hexdigest():
        raise HTTPException(403, "Insufficient permissions for this operation")
    return found


@app.post("/generate", status_code=202)
async def submit(
    owner: Annotated[dict[str, Any], Depends(user)],
    example_images: Annotated[list[UploadFile], File()],
    instructions: Annotated[str, Form()],
) -> dict[str, str]:
    """Validate, count, store and enqueue a submission."""
    if len(example_images) > 5:
        raise HTTPException(422, "Maximum 5 example images allowed")
    _check_instructions(instructions)
    generation = str(uuid4())
    images = [await _read(generation, number, file) for number, file in enumerate(example_images)]
    period = datetime.now(UTC).strftime("%Y-%m")
    query = {"_id": f"{owner['_id']}:{period}"}
    await async_database()["usage"].update_one(query, {"$inc": {"used": 1}}, upsert=True)
    await async_database()["images"].insert_many(images)
    await async_database()["generations"].insert_one(
        {
            "_id": generation,
            "user": owner["_id"],
            "status": "pending",
            "instructions": instructions,
            "created_at": datetime.now(UTC),
        }
    )
    # Celery's publishing is synchronous; its manual advises a thread for callers on a loop.
    await asyncio.to_thread(generate.delay, generation)
    return {"id": generation, "status": "pending"}


@app.get("/generations/{generation}")
async def read(generation: str, owner: Annotated[dict[str, Any], Depends(user)]) -> dict[str, Any]:
    """Answer where a generation stands."""
    found = await async_database()["generations"].find_one({"_id": generation, "user": owner["_id"]})
    if found is None:
        raise HTTPException(404, "Generation not found")
    return {
        "id": found["_id"],
        "status": found["status"],
        "pictures": found.get("pictures", []),
        "created_at": f"{found['created_at'].isoformat()}Z",
        "completed_at": f"{found['completed_at'].isoformat()}Z" if "completed_at" in found else None,
    }


@app.post("/callbacks/{generation}", status_code=204)
async def called_back(generation: str, request: Request) -> None:
    """Take the provider's final webhook, which it has signed."""
    try:
        body = Webhook(settings().webhook_secret).verify(await request.body(), dict(request.headers))
    except WebhookVerificationError:
        raise HTTPException(403, "Invalid signature") from None
    if body.get("status") == "succeeded":
        await asyncio.to_thread(finish.delay, generation, body["output"])


def _check_instructions(text: str) -> None:
    if not 1 <= len(text) <= 1000:
        raise HTTPException(422, "Instructions must be between 1 and 1000 characters")
    try:
        parsed = json.loads(text)
    except ValueError:
        raise HTTPException(422, "Invalid JSON format") from None
    if not isinstance(parsed, dict) or not str(parsed.get("prompt", "")).strip():
        raise HTTPException(422, "prompt is required")


async def _read(generation: str, number: int, file: UploadFile) -> dict[str, Any]:
    data = await file.read()
    if len(data) > MAX_BYTES:
        raise HTTPException(413, "File size exceeds maximum allowed size of 10MB")
    try:
        with Image.open(io.BytesIO(data), formats=list(TYPES)) as picture:
            content_type = TYPES[str(picture.format)]
    except (OSError, ValueError):
        raise HTTPException(422, "Invalid file format. Supported formats: JPEG, PNG, WebP") from None
    return {
        "_id": f"{generation}/example/{number}",
        "generation": generation,
        "kind": "example",
        "number": number,
        "content_type": content_type,
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": data,
    }
