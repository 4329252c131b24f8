"""`?wait=n`: the resource when it has moved on, instead of polling."""

import asyncio
import time
from collections.abc import Mapping

import pytest
from aiohttp import ClientSession

from tests.gateway.events.gateway_system import LIFECYCLE, PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.test_revalidation import SESSION_REVOCATIONS, Installation, Revoke
from tests.systems.waiting import until

Read = tuple[int, dict[str, object], Mapping[str, str]]


async def read(
    session: ClientSession, gateway: Gateway, user: EndUser, generation: str, query: str, etag: str | None = None
) -> Read:
    headers = user.bearer | ({"If-None-Match": etag} if etag else {})
    async with session.get(f"{gateway.url}{PATH}/{generation}/status{query}", headers=headers) as answer:
        body = await answer.json() if answer.status != 304 else {}
        return answer.status, body, answer.headers


async def waiting(gateway: Gateway) -> None:
    await until(lambda: bool(gateway.event_hub.broadcaster.watched))


async def test_a_client_that_knows_nothing_waits_for_the_end(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    answer = asyncio.create_task(read(session, gateway, user, generation, "?wait=30"))
    await waiting(gateway)
    await system.append_all(generation)
    status, body, headers = await answer
    assert (status, body["status"], "Retry-After" in headers) == (200, "completed", False)
    assert gateway.event_hub.connections.taken == 0


async def test_a_client_that_knows_the_version_gets_the_next_one(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    _, first, headers = await read(session, gateway, user, generation, "")
    answer = asyncio.create_task(read(session, gateway, user, generation, "?wait=30", headers["ETag"]))
    await waiting(gateway)
    await system.append(generation, *LIFECYCLE[0])
    status, body, _ = await answer
    assert (status, body["status"]) == (200, "pending")
    assert int(str(body["version"])) > int(str(first["version"]))


async def test_without_news_the_answer_comes_at_the_end_of_the_wait(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    _, _, headers = await read(session, gateway, user, generation, "")
    assert headers["Retry-After"] == "1"
    begun = time.monotonic()
    status, _, _ = await read(session, gateway, user, generation, "?wait=1", headers["ETag"])
    assert status == 304
    assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize("wait", ["0", "61", "-1", "soon", ""])
async def test_a_wait_of_another_length_is_refused(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, wait: str
) -> None:
    generation = await system.start_generation(user)
    status, body, _ = await read(session, gateway, user, generation, f"?wait={wait}")
    assert (status, body["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("revoke", SESSION_REVOCATIONS)
async def test_a_session_that_ends_during_the_wait_gets_nothing(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, revoke: Revoke
) -> None:
    generation = await system.start_generation(user)
    answer = asyncio.create_task(read(session, gateway, user, generation, "?wait=30"))
    await waiting(gateway)
    await revoke(Installation(gateway, user, session))
    await system.append_all(generation)
    status, body, _ = await answer
    assert (status, body["code"]) == (401, "invalid_credentials")
