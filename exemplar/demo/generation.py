"""One generation over the public API, its events printed as they happen."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exemplar.client_commands.event_detail import detail_of
from exemplar.local.hooks import Demo
from exemplar_client import AsyncClient, Keys, Retries

INSTRUCTIONS: Final = {"prompt": "A quiet harbour at sunset, painted in gouache", "style": "travel poster"}
TIMEOUT_SECONDS: Final = 120.0
EXAMPLES: Final = 3
_LONG_PAUSE_S: Final = 1.0


async def demonstrate(demo: Demo, photos: Sequence[Path], folder: Path) -> Path:
    """Submit example photographs, print the events of the generation, save its picture in `folder`.

    Raises RuntimeError for a generation that failed, TimeoutError after two minutes.
    """
    async with _client(demo) as client:
        chosen = photos[:EXAMPLES]
        _say(f"  sending {', '.join(photo.name for photo in chosen)}: {INSTRUCTIONS['prompt']}")
        accepted = await client.submit(chosen, INSTRUCTIONS)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await _print_events(client, accepted.id)
        except TimeoutError:
            raise TimeoutError(f"no picture after {TIMEOUT_SECONDS:.0f} s; see {accepted.urls['self']}") from None
        return await _save(client, accepted.id, folder)


async def has_picture(demo: Demo) -> bool:
    """Tell whether the user of the demonstration has a finished picture."""
    async with _client(demo) as client:
        page = await client.after(limit=1, status="completed")
    return bool(page["generations"])


def _client(demo: Demo) -> AsyncClient:
    """Log in as the end user does; a full account is tried again for as long as a picture may take."""
    keys = Keys(demo["project_id"], demo["developer_key"], demo["api_key"])
    retries = Retries(max_wait=TIMEOUT_SECONDS)
    return AsyncClient(
        demo["base_url"], keys, email=demo["email"], password=demo["password"], retries=retries, sleep=_pause
    )


async def _print_events(client: AsyncClient, generation_id: str) -> None:
    began = time.monotonic()
    async for event in client.events(generation_id):
        _say(f"  {time.monotonic() - began:6.2f} s  {event.type}{detail_of(event.data['data'])}")


async def _save(client: AsyncClient, generation_id: str, folder: Path) -> Path:
    generation = await client.get(generation_id)
    if generation["result"] is None:
        raise RuntimeError(f"the generation failed: {generation['error']}")
    ending = generation["result"]["images"][0]["content_type"].removeprefix("image/")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await client.download(generation_id, folder / f"{generation_id}.{ending}")


async def _pause(seconds: float) -> None:
    """Sleep before another attempt, and say so when it takes long: the slots may be taken by earlier generations."""
    if seconds >= _LONG_PAUSE_S:
        _say(f"  every slot is taken, or the service is busy: retrying in {seconds:.0f} s")
    await asyncio.sleep(seconds)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
