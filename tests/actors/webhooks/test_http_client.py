"""Where a webhook may not go: every test here counts real connections."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from actors.webhooks.http_client import RESPONSE_START, WebhookClient, Lookup
from domain.webhooks.addresses import is_public
from domain.webhooks.delivery import ReceiverResponse
from domain.webhooks.settings import WebhookSettings
from tests.builders.forbidden_urls import FORBIDDEN_URLS, PRIVATE
from tests.actors.webhooks.name_server import name_server
from tests.actors.webhooks.receiver import Received, open_receiver, refuse, silent_server

ALLOW = WebhookSettings(allow=("127.0.0.1",), timeout_seconds=5)
NOBODY = WebhookSettings(timeout_seconds=5)
LOOPBACK = "127.0.0.1"


class Dialled:
    """Addresses that this process has connected to by TCP while somebody listened."""

    def __init__(self) -> None:
        self.listening = False
        self.addresses: list[str] = []

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listening and event == "socket.connect":
            made, address = arguments[:2]
            if made.type == socket.SOCK_STREAM and isinstance(address, tuple):
                self.addresses.append(str(address[0]))


DIALLED = Dialled()


@pytest.fixture(scope="module", autouse=True)
def _audited() -> None:
    sys.addaudithook(DIALLED.audit)  # there is no way to take one away: it listens only when response


@pytest.fixture
def dialled() -> Iterator[Dialled]:
    DIALLED.addresses.clear()
    DIALLED.listening = True
    yield DIALLED
    DIALLED.listening = False


def answering(*addresses: str) -> Lookup:
    async def look_up(_: str) -> Sequence[str]:
        return addresses

    return look_up


async def post(
    url: str, settings: WebhookSettings = NOBODY, lookup: Lookup | None = None, body: bytes = b"{}"
) -> ReceiverResponse:
    async with WebhookClient(settings, lookup=lookup) as client:
        return await client.post(url, body, {"Content-Type": "application/json"})


async def test_nobody_is_dialled_for_any_hostile_url(dialled: Dialled) -> None:
    async with WebhookClient(NOBODY, lookup=answering("1.1.1.1", LOOPBACK)) as client:
        answers = [await client.post(url, b"{}", {}) for url in FORBIDDEN_URLS]
    assert {answer.error for answer in answers} == {"forbidden"}
    assert dialled.addresses == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_good_name_with_an_address_that_is_not_public_is_not_dialled(
    address: str, dialled: Dialled
) -> None:
    answer = await post("https://hooks.example.com/", lookup=answering(address))
    assert (answer.status, answer.error) == (None, "forbidden")
    assert dialled.addresses == []


async def test_one_private_address_among_public_ones_spoils_the_name(dialled: Dialled) -> None:
    answer = await post("https://hooks.example.com/", lookup=answering("1.1.1.1", "10.0.0.1"))
    assert answer.error == "forbidden"
    assert dialled.addresses == []


async def test_a_name_that_changes_its_mind_is_asked_once_and_not_believed_twice(dialled: Dialled) -> None:
    async with name_server(["10.0.0.1"], [LOOPBACK]) as look_up, silent_server() as trap:
        port = trap.url.split(":")[2].partition("/")[0]
        async with WebhookClient(NOBODY, lookup=look_up) as client:
            answers = [
                await client.post(f"https://rebinding.example.com:{port}/", b"{}", {}) for _ in range(4)
            ]
        assert look_up.server.asked == 4
        assert trap.connections == 0
    assert {answer.error for answer in answers} == {"forbidden"}
    assert dialled.addresses == []


async def test_what_is_checked_is_what_is_dialled(dialled: Dialled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is judged and loopback ever after; the one look-up is what counts."""
    monkeypatch.setattr(
        "actors.webhooks.http_client.is_public", lambda address: address == "127.0.0.77" or is_public(address)
    )
    async with name_server(["127.0.0.77"], [LOOPBACK]) as look_up, silent_server() as trap:
        port = trap.url.split(":")[2].partition("/")[0]
        answer = await post(f"https://rebinding.example.com:{port}/", lookup=look_up)
        assert answer.error == "connection"
        assert (look_up.server.asked, trap.connections) == (1, 0)
    assert set(dialled.addresses) == {"127.0.0.77"}


async def test_an_address_that_slips_past_the_resolver_is_stopped_at_the_socket(
    dialled: Dialled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.webhooks.http_client._Resolver.resolve", _unchecked)
    answer = await post("https://hooks.example.com/")
    assert answer.error == "forbidden"
    assert dialled.addresses == []


async def _unchecked(_: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
    return [
        {"hostname": host, "host": LOOPBACK, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
    ]


async def test_a_name_without_an_address_is_a_fault_of_dns() -> None:
    async def nothing(_: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert (await post("https://hooks.example.com/", lookup=nothing)).error == "dns"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with open_receiver() as elsewhere, open_receiver() as receiver:
        receiver.respond = refuse(status, Location=elsewhere.url)
        answer = await post(receiver.url, ALLOW)
        assert (answer.status, answer.error, answer.accepted) == (status, "redirect", False)
        assert elsewhere.requests == []


async def test_no_proxy_of_the_environment_sees_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    async with silent_server() as proxy, open_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await post(receiver.url, ALLOW)).accepted
        assert proxy.connections == 0


async def test_a_name_that_the_operator_allows_may_lead_home() -> None:
    settings = WebhookSettings(allow=("receiver",), timeout_seconds=5)
    async with open_receiver() as receiver:
        url = receiver.url.replace(LOOPBACK, "receiver")
        assert (await post(url, settings, lookup=answering(LOOPBACK))).accepted
        assert (await post(receiver.url, settings)).error == "forbidden"


async def test_cookies_of_one_receiver_are_not_brought_to_the_next_attempt() -> None:
    async with open_receiver() as receiver:
        receiver.respond = lambda _: web.Response(headers={"Set-Cookie": "a=b; Path=/"})
        async with WebhookClient(ALLOW) as client:
            for _ in range(2):
                assert (await client.post(receiver.url, b"{}", {})).accepted
        assert all("Cookie" not in received.headers for received in receiver.requests)


async def test_only_the_start_of_an_answer_is_kept() -> None:
    def endless(_: Received) -> web.Response:
        return web.Response(body=b"x" * 5_000_000)

    async with open_receiver() as receiver:
        receiver.respond = endless
        answer = await post(receiver.url, ALLOW)
    assert answer.accepted
    assert answer.body == "x" * RESPONSE_START


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async with open_receiver() as receiver:
        receiver.respond = lambda _: web.Response(
            body=b"\x1f\x8b" + b"\0" * 50, headers={"Content-Encoding": "gzip"}
        )
        answer = await post(receiver.url, ALLOW)
    assert answer.accepted
    assert len(answer.body) <= RESPONSE_START
    assert "\0" not in answer.body


async def test_a_receiver_that_says_yes_and_then_nothing_has_said_yes() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"
    async with silent_server(head) as receiver:
        begun = time.monotonic()
        answer = await post(receiver.url, ALLOW)
    assert (answer.status, answer.body) == (200, "hello")
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
async def test_a_receiver_that_does_not_answer_costs_the_time_out_and_no_more(said: bytes) -> None:
    settings = ALLOW.model_copy(update={"timeout_seconds": 0.3})
    async with silent_server(said) as receiver:
        begun = time.monotonic()
        answer = await post(receiver.url, settings)
    assert (answer.status, answer.error) == (None, "timeout")
    assert 300 <= answer.milliseconds < 3000
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_what_is_not_http_is_a_failure(said: bytes) -> None:
    async with silent_server(said) as receiver:
        answer = await post(receiver.url, ALLOW)
    assert answer.status is None
    assert answer.error in ("protocol", "connection")


async def test_a_closed_port_and_a_server_without_tls_are_failures() -> None:
    async with open_receiver() as receiver:
        assert (await post(receiver.url.replace("http:", "https:"), ALLOW)).error in ("tls", "connection")
    assert (await post(receiver.url, ALLOW)).error == "connection"


async def test_slow_name_servers_do_not_use_up_the_threads_of_others() -> None:
    async def slow(_: str) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    settings = ALLOW.model_copy(update={"timeout_seconds": 0.2})
    async with open_receiver() as receiver, WebhookClient(settings, lookup=slow) as client:
        waiting = [client.post(f"https://n{n}.example.com/", b"{}", {}) for n in range(200)]
        answers = await asyncio.gather(*waiting, client.post(receiver.url, b"{}", {}))
    assert answers[-1].accepted
    assert {answer.error for answer in answers[:-1]} == {"timeout"}
