"""The HTTP client reaches no forbidden address; the tests count real connections."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from actors.webhooks.http_client import RESPONSE_START, WebhookClient
from actors.webhooks.resolver import Lookup
from domain.webhooks.addresses import is_public
from domain.webhooks.delivery import ReceiverResponse
from store.webhooks.settings import WebhookSettings
from tests.actors.webhooks.name_server import name_server
from tests.builders.forbidden_urls import FORBIDDEN_URLS, PRIVATE
from tests.systems.webhook_receiver import Received, open_receiver, refuse, silent_server

ALLOW = WebhookSettings(allow=("127.0.0.1",), timeout_seconds=5)
NOTHING_ALLOWED = WebhookSettings(timeout_seconds=5)
LOOPBACK = "127.0.0.1"


class Connections:
    """Addresses that this process connected to by TCP while `recording`."""

    def __init__(self) -> None:
        self.recording = False
        self.addresses: list[str] = []

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.recording and event == "socket.connect":
            made, address = arguments[:2]
            if made.type == socket.SOCK_STREAM and isinstance(address, tuple):
                self.addresses.append(str(address[0]))


CONNECTIONS = Connections()


@pytest.fixture(scope="module", autouse=True)
def _audited() -> None:
    sys.addaudithook(CONNECTIONS.audit)  # a hook cannot be removed, so it records only while `recording`


@pytest.fixture
def connections() -> Iterator[Connections]:
    CONNECTIONS.addresses.clear()
    CONNECTIONS.recording = True
    yield CONNECTIONS
    CONNECTIONS.recording = False


def resolving_to(*addresses: str) -> Lookup:
    async def look_up(_: str) -> Sequence[str]:
        return addresses

    return look_up


async def post(
    url: str, settings: WebhookSettings = NOTHING_ALLOWED, lookup: Lookup | None = None, body: bytes = b"{}"
) -> ReceiverResponse:
    async with WebhookClient(settings, lookup=lookup) as client:
        return await client.post(url, body, {"Content-Type": "application/json"})


async def test_no_connection_is_made_for_any_forbidden_url(connections: Connections) -> None:
    async with WebhookClient(NOTHING_ALLOWED, lookup=resolving_to("1.1.1.1", LOOPBACK)) as client:
        responses = [await client.post(url, b"{}", {}) for url in FORBIDDEN_URLS]
    assert {response.error for response in responses} == {"forbidden"}
    assert connections.addresses == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_with_an_address_that_is_not_public_is_not_connected_to(
    address: str, connections: Connections
) -> None:
    response = await post("https://hooks.example.com/", lookup=resolving_to(address))
    assert (response.status, response.error) == (None, "forbidden")
    assert connections.addresses == []


async def test_one_private_address_among_public_ones_forbids_the_name(connections: Connections) -> None:
    response = await post("https://hooks.example.com/", lookup=resolving_to("1.1.1.1", "10.0.0.1"))
    assert response.error == "forbidden"
    assert connections.addresses == []


async def test_dns_rebinding_is_resolved_once_for_each_attempt_and_refused(connections: Connections) -> None:
    async with name_server(["10.0.0.1"], [LOOPBACK]) as look_up, silent_server() as trap:
        port = trap.url.split(":")[2].partition("/")[0]
        async with WebhookClient(NOTHING_ALLOWED, lookup=look_up) as client:
            responses = [await client.post(f"https://rebinding.example.com:{port}/", b"{}", {}) for _ in range(4)]
        assert look_up.server.asked == 4
        assert trap.connections == 0
    assert {response.error for response in responses} == {"forbidden"}
    assert connections.addresses == []


async def test_the_checked_address_is_the_one_connected_to(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is public when it is checked and loopback afterwards; the one look-up counts."""
    monkeypatch.setattr(
        "actors.webhooks.resolver.is_public", lambda address: address == "127.0.0.77" or is_public(address)
    )
    async with name_server(["127.0.0.77"], [LOOPBACK]) as look_up, silent_server() as trap:
        port = trap.url.split(":")[2].partition("/")[0]
        response = await post(f"https://rebinding.example.com:{port}/", lookup=look_up)
        assert response.error == "connection"
        assert (look_up.server.asked, trap.connections) == (1, 0)
    assert set(connections.addresses) == {"127.0.0.77"}


async def test_an_address_unchecked_by_the_resolver_is_refused_at_the_socket(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.webhooks.resolver.Resolver.resolve", _unchecked)
    response = await post("https://hooks.example.com/")
    assert response.error == "forbidden"
    assert connections.addresses == []


async def _unchecked(_: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
    return [{"hostname": host, "host": LOOPBACK, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]


async def test_a_name_without_an_address_is_a_dns_error() -> None:
    async def nothing(_: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert (await post("https://hooks.example.com/", lookup=nothing)).error == "dns"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with open_receiver() as elsewhere, open_receiver() as receiver:
        receiver.respond = refuse(status, Location=elsewhere.url)
        response = await post(receiver.url, ALLOW)
        assert (response.status, response.error, response.accepted) == (status, "redirect", False)
        assert elsewhere.requests == []


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with silent_server() as proxy, open_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await post(receiver.url, ALLOW)).accepted
        assert proxy.connections == 0


async def test_a_host_that_the_operator_allows_may_be_private() -> None:
    settings = WebhookSettings(allow=("receiver",), timeout_seconds=5)
    async with open_receiver() as receiver:
        url = receiver.url.replace(LOOPBACK, "receiver")
        assert (await post(url, settings, lookup=resolving_to(LOOPBACK))).accepted
        assert (await post(receiver.url, settings)).error == "forbidden"


async def test_cookies_are_not_sent_at_the_next_attempt() -> None:
    async with open_receiver() as receiver:
        receiver.respond = lambda _: web.Response(headers={"Set-Cookie": "a=b; Path=/"})
        async with WebhookClient(ALLOW) as client:
            for _ in range(2):
                assert (await client.post(receiver.url, b"{}", {})).accepted
        assert all("Cookie" not in received.headers for received in receiver.requests)


async def test_only_the_start_of_a_response_is_kept() -> None:
    def endless(_: Received) -> web.Response:
        return web.Response(body=b"x" * 5_000_000)

    async with open_receiver() as receiver:
        receiver.respond = endless
        response = await post(receiver.url, ALLOW)
    assert response.accepted
    assert response.body == "x" * RESPONSE_START


async def test_a_compressed_response_is_not_decompressed() -> None:
    async with open_receiver() as receiver:
        receiver.respond = lambda _: web.Response(body=b"\x1f\x8b" + b"\0" * 50, headers={"Content-Encoding": "gzip"})
        response = await post(receiver.url, ALLOW)
    assert response.accepted
    assert len(response.body) <= RESPONSE_START
    assert "\0" not in response.body


async def test_a_status_without_the_whole_body_is_accepted() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"
    async with silent_server(head) as receiver:
        begun = time.monotonic()
        response = await post(receiver.url, ALLOW)
    assert (response.status, response.body) == (200, "hello")
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
async def test_a_receiver_that_does_not_respond_takes_the_timeout_and_no_longer(said: bytes) -> None:
    settings = ALLOW.model_copy(update={"timeout_seconds": 0.3})
    async with silent_server(said) as receiver:
        begun = time.monotonic()
        response = await post(receiver.url, settings)
    assert (response.status, response.error) == (None, "timeout")
    assert 300 <= response.milliseconds < 3000
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_a_response_that_is_not_http_is_a_failure(said: bytes) -> None:
    async with silent_server(said) as receiver:
        response = await post(receiver.url, ALLOW)
    assert response.status is None
    assert response.error in ("protocol", "connection")


async def test_a_closed_port_and_a_server_without_tls_are_failures() -> None:
    async with open_receiver() as receiver:
        assert (await post(receiver.url.replace("http:", "https:"), ALLOW)).error in ("tls", "connection")
    assert (await post(receiver.url, ALLOW)).error == "connection"


async def test_slow_name_servers_do_not_delay_other_receivers() -> None:
    async def slow(_: str) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    settings = ALLOW.model_copy(update={"timeout_seconds": 0.2})
    async with open_receiver() as receiver, WebhookClient(settings, lookup=slow) as client:
        waiting = [client.post(f"https://n{n}.example.com/", b"{}", {}) for n in range(200)]
        responses = await asyncio.gather(*waiting, client.post(receiver.url, b"{}", {}))
    assert responses[-1].accepted
    assert {response.error for response in responses[:-1]} == {"timeout"}
