from collections.abc import AsyncIterator

import pytest

from actors.webhooks.http_client import Dialler
from domain.webhooks.master_keys import MasterKeys
from domain.webhooks.settings import WebhookSettings
from store.webhooks.webhooks import Webhooks
from tests.actors.webhooks.post_office import MASTER_KEY, Clock, PostOffice
from tests.actors.webhooks.receiver import Receiver, receiving
from tests.stores import open_store


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def administration(mongodb_url: str) -> AsyncIterator[PostOffice]:
    clock = Clock()
    async with open_store(mongodb_url, clock=clock) as store:
        settings = WebhookSettings(allow=("127.0.0.1",), timeout_seconds=1)
        keys = MasterKeys({1: MASTER_KEY})
        webhooks = Webhooks(
            store.events, store.outgoing, settings, keys=keys, announce=lambda _: None, clock=clock
        )
        async with Dialler(settings) as dialler:
            administration = PostOffice(store, webhooks, dialler, clock)
            yield administration
            for sender in administration.senders:
                await sender.close(grace=0)
