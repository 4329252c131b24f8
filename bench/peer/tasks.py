"""The work behind a submission: compose the input and call the provider; later fetch what it made."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx

from actors.imaging.compositor import compose as compose_images
from actors.imaging.decoded_image import check
from bench.peer.database import database
from bench.peer.queue import queue
from bench.peer.settings import settings


@cache
def provider() -> httpx.Client:
    """Open the provider's API for this process; its connections are kept."""
    headers = {"Authorization": f"Bearer {settings().provider_token}"}
    return httpx.Client(base_url=settings().provider_url, headers=headers, timeout=30)


@cache
def downloads() -> httpx.Client:
    """Open a client without the provider's token for the pictures; its connections are kept."""
    return httpx.Client(timeout=30)


@queue.task(autoretry_for=(httpx.HTTPError,), retry_backoff=True, max_retries=5)  # type: ignore[untyped-decorator]
def generate(generation: str) -> None:
    """Decode and compose the examples, create the prediction; a repeat composes them again."""
    document = database()["generations"].find_one({"_id": generation})
    if document is None or document["status"] != "pending":
        return
    images = list(database()["images"].find({"generation": generation, "kind": "example"}).sort("number", 1))
    composed = compose_images("blend", [image["data"] for image in images], lambda _: None)
    encoded = base64.b64encode(composed.data).decode()
    answer = provider().post("/v1/predictions", json=_prediction(generation, document, encoded))
    answer.raise_for_status()
    started = {"status": "processing", "prediction": answer.json()["id"], "started_at": datetime.now(UTC)}
    database()["generations"].update_one({"_id": generation, "status": "pending"}, {"$set": started})


@queue.task(autoretry_for=(httpx.HTTPError,), retry_backoff=True, max_retries=5)  # type: ignore[untyped-decorator]
def finish(generation: str, outputs: list[str]) -> None:
    """Download what the provider made, check and keep it, complete the generation."""
    pictures = []
    for number, url in enumerate(outputs):
        data = downloads().get(url).raise_for_status().content
        header = check(data)
        image = _result(generation, number, data, header.content_type)
        database()["images"].replace_one({"_id": image["_id"]}, image, upsert=True)
        pictures.append({"sha256": image["sha256"], "width": header.width, "height": header.height})
    completed = {"status": "completed", "pictures": pictures, "completed_at": datetime.now(UTC)}
    database()["generations"].update_one({"_id": generation}, {"$set": completed})


def _prediction(generation: str, document: dict[str, Any], encoded: str) -> dict[str, Any]:
    prompt = json.loads(document["instructions"])["prompt"]
    return {
        "version": settings().model_version,
        "input": {"prompt": prompt, "image": f"data:image/jpeg;base64,{encoded}"},
        "webhook": f"{settings().public_url}/callbacks/{generation}",
        "webhook_events_filter": ["completed"],
    }


def _result(generation: str, number: int, data: bytes, content_type: str) -> dict[str, Any]:
    return {
        "_id": f"{generation}/result/{number}",
        "generation": generation,
        "kind": "result",
        "number": number,
        "content_type": content_type,
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": data,
    }
