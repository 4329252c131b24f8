"""Signed callbacks of a provider whose clock differs from ours."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from domain.generation.callback import Callback, callback_url
from domain.webhooks.signature import new_secret, signed_headers
from exemplar.gateway_wiring import create_gateway
from tests.builders.clock import Clock
from tests.stores import open_store
from tests.systems.documented import documented
from tests.systems.gateway import SECRET, gateway_dependencies

GatewayClient = TestClient[web.Request, web.Application]
KEY = new_secret(b"k" * 32)
BODY = json.dumps({"id": "p1", "status": "processing"}).encode()
CLOCK = Clock.running()
PATH = URL(callback_url("http://gateway", Callback("g1", 1), [SECRET.encode()], provider="replicate")).raw_path_qs


class DistantProvider(ReplicateProvider):
    """A provider that tells the key of its callbacks, and the time of its own clock."""

    ahead = timedelta()

    async def webhook_secret(self) -> str:
        self.time.learn(format_datetime(CLOCK() + self.ahead, usegmt=True))
        return KEY


@pytest.fixture
def provider() -> DistantProvider:
    return DistantProvider(ReplicateSettings(REPLICATE_API_TOKEN="r8_none"), clock=CLOCK)


@pytest_asyncio.fixture
async def client(mongodb_url: str, provider: DistantProvider) -> AsyncIterator[GatewayClient]:
    async with open_store(mongodb_url, clock=CLOCK) as store:
        dependencies = gateway_dependencies(store, CLOCK, provider=provider)
        async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
            yield client


async def status(client: GatewayClient, age: timedelta) -> int:
    """Send a callback that the provider signed some time ago, by our clock; return the answer's status."""
    headers = signed_headers("m1", body=BODY, secrets=[KEY], version=1, now=CLOCK() - age)
    async with client.post(PATH, data=BODY, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("minutes", [-90, -6, 0, 6, 90])
async def test_the_age_of_a_callback_is_measured_by_the_provider_clock(
    client: GatewayClient, provider: DistantProvider, minutes: int
) -> None:
    provider.ahead = timedelta(minutes=minutes)
    assert await status(client, -provider.ahead) == 200
    for age in (timedelta(minutes=6), timedelta(minutes=-6)):
        assert await status(client, age - provider.ahead) == 401


async def test_a_callback_after_a_suspension_is_accepted(client: GatewayClient) -> None:
    assert await status(client, timedelta()) == 200
    CLOCK.forward(minutes=10)  # the monotonic clock by which the provider's is known did not run meanwhile
    assert await status(client, timedelta()) == 200


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"{", b"[]", b'{"id": "../..", "status": "succeeded"}'],
)
async def test_a_signed_callback_of_no_prediction_is_refused(client: GatewayClient, body: bytes) -> None:
    headers = signed_headers("m1", body=body, secrets=[KEY], version=1, now=CLOCK())
    async with client.post(PATH, data=body, headers=headers) as answer:
        assert answer.status == 422
    headers = signed_headers("m1", body=BODY, secrets=[KEY], version=1, now=CLOCK())
    async with client.post(PATH, data=BODY, headers=headers) as answer:
        assert answer.status == 200


async def test_a_forged_callback_is_refused(client: GatewayClient) -> None:
    headers = signed_headers("m1", body=BODY, secrets=[new_secret(b"f" * 32)], version=1, now=CLOCK())
    genuine = signed_headers("m1", body=BODY, secrets=[KEY], version=1, now=CLOCK())
    broken = [
        {"webhook-signature": "v1,?"},
        {"webhook-signature": "none"},
        {"webhook-timestamp": "9" * 40},
        {"webhook-timestamp": "soon"},
    ]
    for forged in (headers, {}, *({**genuine, **change} for change in broken)):
        async with client.post(PATH, data=BODY, headers=forged) as answer:
            assert answer.status == 401
