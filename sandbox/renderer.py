"""Renders pictures outside the event loop."""

import asyncio
import functools
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from urllib.parse import urlsplit

from sandbox.files import Files, data_of_uri
from sandbox.pictures import InvalidImageError, Recipe, make, ready
from sandbox.predictions import Prediction


class Renderer:
    """Renders the pictures of a prediction in two threads; Pillow and zlib release the GIL meanwhile."""

    def __init__(self, files: Files, *, picture: Literal["made", "ready"]) -> None:
        self._files = files
        self._picture = picture
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="sandbox-picture")
        self._ready = b""

    async def open(self) -> None:
        if self._picture == "ready":
            self._ready = await self._in_thread(ready)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def pictures(self, prediction: Prediction) -> tuple[bytes, ...]:
        """Return one PNG for each output; raise UnmakeableError when an input picture cannot be used."""
        if self._picture == "ready":
            return (self._ready,) * prediction.outputs
        image, mask = self._source(prediction, "image"), self._source(prediction, "mask")
        recipes = [_recipe(prediction, index, image, mask) for index in range(prediction.outputs)]
        return tuple(await asyncio.gather(*(self._in_thread(functools.partial(make, one)) for one in recipes)))

    async def _in_thread(self, making: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._pool, making)

    def _source(self, prediction: Prediction, name: str) -> bytes | None:
        """Return the bytes of an input picture: a data URI or an uploaded file, nothing else."""
        uri = prediction.value(name)
        if uri is None:
            return None
        if uri.startswith("data:"):
            return data_of_uri(uri)
        found = re.fullmatch(r"/v1/files/([^/]+)(?:/download)?", urlsplit(uri).path)
        file = self._files.get(found[1]) if found else None
        if file is None:
            raise InvalidImageError(f"the sandbox is offline and cannot fetch {name}: send a data URI or upload a file")
        return file.data


def _recipe(prediction: Prediction, index: int, image: bytes | None, mask: bytes | None) -> Recipe:
    return Recipe(
        prompt=prediction.value("prompt"),
        seed=prediction.seed,
        index=index,
        size=(int(prediction.value("width")), int(prediction.value("height"))),
        strength=float(prediction.value("prompt_strength")),
        image=image,
        mask=mask,
    )
