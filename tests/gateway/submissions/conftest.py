import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.builders.pictures import jpeg, photo
from tests.gateway.submissions.upload_server import UploadServer, open_server


@pytest_asyncio.fixture
async def server() -> AsyncIterator[UploadServer]:
    async with open_server() as opened:
        yield opened
        assert opened.budget.free == 256 * 1024 * 1024, "every byte was given back"


@pytest.fixture(scope="session")
def small_jpeg() -> bytes:
    return jpeg("rocket.jpg", (64, 64))


@pytest.fixture(scope="session")
def full_jpeg() -> bytes:
    """A photograph of exactly 10 MiB: what follows the picture is random."""
    picture = photo("rocket.jpg")
    return picture + random.Random(1).randbytes(10_485_760 - len(picture))
