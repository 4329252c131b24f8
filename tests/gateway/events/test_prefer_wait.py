"""`Prefer: wait`: the finished resource instead of 202."""

import asyncio
import json

import pytest
from aiohttp import ClientResponse, ClientSession, FormData

from domain.generation.generation import id_of
from tests.builders.pictures import jpeg
from tests.gateway.events.gateway_system import EndUser, Gateway, GatewaySystem
from tests.gateway.events.test_revalidation import KEY_REVOCATIONS, SESSION_REVOCATIONS, Installation, Revoke
from tests.systems.waiting import until


async def submit(
    session: ClientSession, gateway: Gateway, user: EndUser, prefer: str | None, key: str | None = None
) -> ClientResponse:
    form = FormData()
    form.add_field("example_images", jpeg(size=(64, 64)), filename="a.jpg", content_type="image/jpeg")
    form.add_field("instructions", json.dumps({"prompt": "a quiet harbour"}))
    chosen = {"Prefer": prefer, "Idempotency-Key": key}
    headers = user.headers | {name: value for name, value in chosen.items() if value is not None}
    url = f"{gateway.url}/api/v1/generation/generate-v2"
    return await session.post(url, data=form, headers=headers)


async def listened(gateway: Gateway) -> str:
    await until(lambda: bool(gateway.event_hub.broadcaster.watched))
    return id_of(gateway.event_hub.broadcaster.watched.pop())


async def test_a_generation_that_finishes_in_time_is_returned_finished(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    response_task = asyncio.create_task(submit(session, gateway, user, 'respond-async, wait="30"'))
    generation = await listened(gateway)
    await system.append_all(generation)
    async with await response_task as answer:
        body = await answer.json()
        assert (answer.status, body["id"], body["status"]) == (200, generation, "completed")
        assert answer.headers["Preference-Applied"] == "wait=30"
        assert answer.headers["Location"] == body["urls"]["status"]


async def test_a_generation_that_takes_longer_is_accepted(
    gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    async with await submit(session, gateway, user, "wait=1") as answer:
        assert (answer.status, (await answer.json())["status"]) == (202, "pending")
        assert answer.headers["Preference-Applied"] == "wait=1"
    assert not gateway.event_hub.broadcaster.watched
    assert gateway.event_hub.connections.taken == 0


async def test_a_replay_of_a_finished_generation_does_not_wait(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    async with await submit(session, gateway, user, None, key="once") as answer:
        assert "Preference-Applied" not in answer.headers
        generation = (await answer.json())["id"]
    await system.append_all(generation)
    async with asyncio.timeout(10), await submit(session, gateway, user, "wait=60", key="once") as answer:
        assert (answer.status, (await answer.json())["id"]) == (200, generation)
        assert answer.headers["Idempotency-Replayed"] == "true"


async def test_a_shutdown_ends_all_waits(gateway: Gateway, user: EndUser, session: ClientSession) -> None:
    response_task = asyncio.create_task(submit(session, gateway, user, "wait=60"))
    await listened(gateway)
    async with asyncio.timeout(10):
        await gateway.stop()
        async with await response_task as answer:
            assert answer.status == 202


async def test_a_submission_without_a_free_slot_is_accepted_without_a_wait(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_process=1)
    response_task = asyncio.create_task(submit(session, gateway, user, "wait=60"))
    generation = await listened(gateway)
    async with asyncio.timeout(10), await submit(session, gateway, user, "wait=60") as answer:
        assert answer.status == 202
        assert "Preference-Applied" not in answer.headers, "nothing was waited for"
    await system.append_all(generation)
    async with await response_task as answer:
        assert answer.status == 200


@pytest.mark.parametrize("revoke", [*SESSION_REVOCATIONS, *KEY_REVOCATIONS])
async def test_a_grant_revoked_during_the_wait_gets_202_without_the_picture(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, revoke: Revoke
) -> None:
    response_task = asyncio.create_task(submit(session, gateway, user, "wait=60"))
    generation = await listened(gateway)
    await revoke(Installation(gateway, user, session))
    await system.append_all(generation)
    async with await response_task as answer:
        body = await answer.json()
        assert (answer.status, body["id"], body["status"]) == (202, generation, "pending")
        assert answer.headers["Preference-Applied"] == "wait=60"


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=soon", "wait=0", "wait=-5", "return=minimal", ""])
async def test_an_invalid_preference_is_ignored(
    gateway: Gateway, user: EndUser, session: ClientSession, prefer: str
) -> None:
    async with asyncio.timeout(10), await submit(session, gateway, user, prefer) as answer:
        assert answer.status == 202
        assert "Preference-Applied" not in answer.headers
