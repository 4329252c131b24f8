from collections.abc import AsyncIterator

import pytest

from tests.systems.webhook_receiver import Receiver, open_receiver
from tests.systems.webhook_system import WebhookSystem, open_system


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def system(mongodb_url: str) -> AsyncIterator[WebhookSystem]:
    async with open_system(mongodb_url) as system:
        yield system
