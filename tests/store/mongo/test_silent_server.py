import asyncio
import time

import pytest

from store.commits.mongo import MongoEventStore
from store.errors import StoreUnavailableError
from store.mongo.connection import open_database
from tests.stores import settings_for
from tests.systems.tcp_proxy import proxied

TIMEOUT_MS = 4000
SOCKET_TIMEOUT_S = 4 * TIMEOUT_MS / 1000


async def test_calls_to_a_server_that_falls_silent_end_before_the_socket_times_out(mongodb_url: str) -> None:
    """A heartbeat that gets no answer ends them, so that the next primary is found soon."""
    direct = mongodb_url.replace("replicaSet=rs0", "directConnection=true")
    with proxied(direct) as (proxy, url):
        async with open_database(settings_for(url, timeout_ms=TIMEOUT_MS)) as database:
            store = MongoEventStore(database)
            assert await store.read("generation-g1") == []
            proxy.silence(new=True)
            began = time.monotonic()
            async with asyncio.timeout(2 * SOCKET_TIMEOUT_S):
                with pytest.raises(StoreUnavailableError):
                    await store.read("generation-g1")
            assert time.monotonic() - began < SOCKET_TIMEOUT_S - 1
