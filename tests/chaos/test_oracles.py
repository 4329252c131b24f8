"""What clients of a row see of a system that loses, repeats or forges events is told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.webhooks.signature import new_secret, signed_headers
from gateway.events.sse import frame
from tests.chaos.event_client import Event, EventClient
from tests.chaos.webhook_log import WebhookLog
from tests.systems.tenants import Tenant
from tests.systems.webhook_receiver import Receiver, open_receiver

EVENTS: list[Event] = [(1, "generation.requested"), (3, "generation.started"), (5, "generation.completed")]
SECRET = new_secret(b"s" * 32)


def frames(events: Sequence[Event]) -> bytes:
    return b"".join(frame(kind, {"version": version}, identifier=str(version)) for version, kind in events)


@asynccontextmanager
async def client_of(session: aiohttp.ClientSession, *answers: bytes, sent: str = "x") -> AsyncIterator[EventClient]:
    """Connect a client to a server that gives each connection one answer, and then breaks it.

    The server knows the token `x`, which the client gets when it logs in.
    """
    left = list(answers)

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.headers["Authorization"] != "Bearer x":
            return web.Response(status=401)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(left.pop(0))
        if left and request.transport is not None:
            request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/{anything:.*}", serve)
    async with TestServer(app) as server:
        tenant = Tenant(
            system=cast("Any", None),
            session=session,
            base_url=str(server.make_url("")).rstrip("/"),
            headers={"Authorization": f"Bearer {sent}"},
            email="",
            developer="",
            project="",
            developer_email="",
            user="",
        )

        async def log_in(refused: Tenant) -> None:
            nonlocal tenant
            tenant = replace(refused, headers={"Authorization": "Bearer x"})

        client = EventClient(lambda: tenant, log_in, "a")
        yield client
        await client.close()


async def test_a_client_that_reconnects_has_every_event_once(session: aiohttp.ClientSession) -> None:
    cut = frames(EVENTS[:1]) + frames(EVENTS[1:2])[:-1]
    async with client_of(session, cut, frames(EVENTS[1:])) as client:
        await client.complete(EVENTS, within=5)
        assert client.connections == 2


async def test_a_client_whose_token_has_expired_logs_in_again(session: aiohttp.ClientSession) -> None:
    async with client_of(session, frames(EVENTS), sent="expired") as client:
        await client.complete(EVENTS, within=5)


@pytest.mark.parametrize(
    "sent",
    [[EVENTS[0], EVENTS[2]], [EVENTS[0], *EVENTS], [EVENTS[1], EVENTS[0], EVENTS[2]]],
    ids=["one lost", "one twice", "another order"],
)
async def test_a_wrong_stream_is_told(session: aiohttp.ClientSession, sent: list[Event]) -> None:
    async with client_of(session, frames(sent)) as client:
        with pytest.raises(AssertionError, match="a stream sent"):
            await client.complete(EVENTS, within=5)


def message(event: Event, generation: str = "a", project: str = "p", text: str = "") -> bytes:
    data = f'{{"id":"{generation}","project_id":"{project}","version":{event[0]},"text":"{text}"}}'
    return f'{{"type":"{event[1]}","data":{data}}}'.encode()


async def deliver(receiver: Receiver, body: bytes, name: str = "m", secret: str = SECRET) -> int:
    headers = signed_headers(name, body=body, secrets=[secret], version=1, now=datetime.now(UTC))
    async with aiohttp.ClientSession() as session, session.post(receiver.url, data=body, headers=headers) as answer:
        return answer.status


async def recorded(generation: str) -> list[Event]:
    return EVENTS if generation in ("a", "b") else []


async def test_webhooks_that_arrive_at_least_once_are_complete() -> None:
    async with open_receiver() as receiver:
        received = WebhookLog(receiver, "p", SECRET)
        for event in (*EVENTS, EVENTS[0]):
            assert await deliver(receiver, message(event), f"m{event[0]}") == 204
        await deliver(receiver, message(EVENTS[0], generation="b"), "of a generation that nobody waits for")
        await received.complete({"a": EVENTS}, recorded, within=1)


WRONG: dict[str, tuple[bytes, str, str]] = {
    "a foreign project": (message(EVENTS[0], generation="b", project="q"), "m9", SECRET),
    "a foreign generation": (message(EVENTS[0], generation="c"), "m9", SECRET),
    "an event that is not in the log": (message((4, "generation.failed")), "m9", SECRET),
    "another secret": (message(EVENTS[0]), "m1", new_secret(b"o" * 32)),
    "a repeat with another id": (message(EVENTS[0]), "m9", SECRET),
    "a repeat with another body": (message(EVENTS[0], text="x"), "m1", SECRET),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_wrong_webhook_is_told(wrong: tuple[bytes, str, str]) -> None:
    async with open_receiver() as receiver:
        received = WebhookLog(receiver, "p", SECRET)
        for event in EVENTS:
            await deliver(receiver, message(event), f"m{event[0]}")
        await deliver(receiver, *wrong)
        with pytest.raises(AssertionError):
            await received.complete({"a": EVENTS}, recorded, within=1)


async def test_a_webhook_that_does_not_arrive_is_told() -> None:
    async with open_receiver() as receiver:
        received = WebhookLog(receiver, "p", SECRET)
        await deliver(receiver, message(EVENTS[0]), "m1")
        with pytest.raises(AssertionError, match="not within"):
            await received.complete({"a": EVENTS}, recorded, within=1)
