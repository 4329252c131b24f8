"""One generation over the public API, its events printed as they happen."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from events.generation import GenerationCompleted
from exemplar.local.hooks import Demo

INSTRUCTIONS = {"prompt": "A quiet harbour at sunset, painted in gouache", "style": "travel poster"}
TIMEOUT_SECONDS = 120.0
EXAMPLES = 3


async def demonstrate(demo: Demo, photos: Sequence[Path], folder: Path) -> Path:
    """Submit example photographs, print the events of the generation, save its picture in `folder`."""
    async with aiohttp.ClientSession() as session:
        headers = _headers(demo, await _log_in(session, demo))
        accepted = await _submit(session, demo["base_url"], headers, photos[:EXAMPLES])
        resource = await _print_events(session, headers, accepted["urls"])
        return await _fetch(session, resource, folder)


async def _log_in(session: aiohttp.ClientSession, demo: Demo) -> str:
    login = {"email": demo["email"], "password": demo["password"]}
    headers = {"X-Project-ID": demo["project_id"]}
    async with session.post(f"{demo['base_url']}/api/v1/auth/login", json=login, headers=headers) as answer:
        body = await _checked(answer)
    return str(body["access_token"])


def _headers(demo: Demo, token: str) -> dict[str, str]:
    """Return the five headers of a submission after a login."""
    return {
        "Authorization": f"Bearer {token}",
        "X-User-Role": "end_user",
        "X-Developer-Key": demo["developer_key"],
        "X-Project-ID": demo["project_id"],
        "X-API-Key": demo["api_key"],
    }


async def _submit(
    session: aiohttp.ClientSession, base_url: str, headers: Mapping[str, str], photos: Sequence[Path]
) -> Any:
    """Submit the photographs; while no slot is free, retry after the time of Retry-After."""
    _say(f"  sending {', '.join(photo.name for photo in photos)}: {INSTRUCTIONS['prompt']}")
    url, began = f"{base_url}/api/v1/generation/generate-v2", time.monotonic()
    while True:
        async with session.post(url, data=_form(photos), headers=headers) as answer:
            wait = float(answer.headers.get("Retry-After", "0")) if answer.status == 429 else 0.0
            if not 0 < wait <= TIMEOUT_SECONDS - (time.monotonic() - began):
                return await _checked(answer)
        _say(f"  every slot is taken by earlier generations: retrying in {wait:.0f} s")
        await asyncio.sleep(wait)


def _form(photos: Sequence[Path]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for photo in photos:
        form.add_field("example_images", photo.read_bytes(), filename=photo.name)
    form.add_field("instructions", json.dumps(INSTRUCTIONS))
    return form


async def _print_events(session: aiohttp.ClientSession, headers: Mapping[str, str], urls: Mapping[str, str]) -> Any:
    """Print events until the generation is final; return its resource."""
    began, seen = time.monotonic(), 0
    while time.monotonic() - began < TIMEOUT_SECONDS:
        async with session.get(urls["events"], params={"after": seen}, headers=headers) as answer:
            page = await _checked(answer)
        for event in page["events"]:
            seen = event["version"]
            _say(f"  {time.monotonic() - began:6.2f} s  {event['type']}{_detail(event)}")
        async with session.get(urls["self"], headers=headers) as answer:
            resource = await _checked(answer)
        if resource["status"] == "completed" and resource["version"] >= seen and _ended(page):
            return resource
        if resource["status"] == "failed":
            raise RuntimeError(f"the generation failed: {resource['error']}")
        await asyncio.sleep(0.25)
    raise TimeoutError(f"no picture after {TIMEOUT_SECONDS:.0f} s; see {urls['self']}")


def _ended(page: Any) -> bool:
    return any(event["type"] == GenerationCompleted.type for event in page["events"])


def _detail(event: Any) -> str:
    data = event["data"]
    if "percent" in data:
        return f"  {data['percent']} %"
    if "composition" in data:
        return f"  {data['composition']} {data['width']} x {data['height']}"
    return ""


async def _fetch(session: aiohttp.ClientSession, resource: Any, folder: Path) -> Path:
    image = resource["result"]["images"][0]
    async with session.get(image["url"]) as answer:
        answer.raise_for_status()
        data = await answer.read()
    name = f"{resource['id']}.{image['content_type'].removeprefix('image/')}"
    return await asyncio.to_thread(_save, folder / name, data)


def _save(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


async def _checked(answer: aiohttp.ClientResponse) -> Any:
    body = await answer.json()
    if answer.status >= 400:
        raise RuntimeError(f"{answer.status} {body.get('detail')}")
    return body


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
