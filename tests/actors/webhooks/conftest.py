from collections.abc import AsyncIterator

import pytest

from actors.webhooks.http_client import Dialler
from domain.webhooks.master_keys import MasterKeys
from domain.webhooks.settings import WebhookSettings
from store.mongo.store import MongoStore
from store.settings import StoreSettings
from store.webhooks.webhooks import Webhooks
from tests.actors.webhooks.post_office import MASTER_KEY, Clock, PostOffice
from tests.actors.webhooks.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def administration(mongodb_url: str) -> AsyncIterator[PostOffice]:
    clock = Clock()
    store = MongoStore.open(
        StoreSettings.model_validate({"mongodb_url": mongodb_url}), holder="tests", clock=clock
    )
    await store.prepare()
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
    store.close()
