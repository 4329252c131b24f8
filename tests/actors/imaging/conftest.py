import io
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from PIL import Image, ImageChops, ImageStat

from actors.imaging.decoder import Composed, Decoder, DecoderSettings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def decoder() -> AsyncIterator[Decoder]:
    async with Decoder(DecoderSettings()) as kept:
        yield kept


@pytest.fixture
def seen() -> Callable[[Composed], Image.Image]:
    """Open the composed picture, as the model does."""

    def look(composed: Composed) -> Image.Image:
        image = Image.open(io.BytesIO(composed.data), formats=["JPEG"])
        image.load()
        return image

    return look


@pytest.fixture
def difference() -> Callable[[Image.Image, Image.Image], float]:
    """The mean absolute difference of two RGB pictures, 0 to 255, after scaling both to 64x64."""

    def compare(one: Image.Image, other: Image.Image) -> float:
        small = [image.convert("RGB").resize((64, 64), Image.Resampling.BOX) for image in (one, other)]
        return sum(ImageStat.Stat(ImageChops.difference(*small)).mean) / 3

    return compare
