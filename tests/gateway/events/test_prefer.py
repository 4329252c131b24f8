"""`Prefer: wait`: the finished resource instead of a promise."""

import asyncio
import json

import pytest
from aiohttp import ClientResponse, ClientSession, FormData

from domain.generation.generation import id_of
from tests.builders.pictures import jpeg
from tests.gateway.events.newsdesk import Gateway, Newsdesk, Person, until
from tests.gateway.events.test_standing import ENDS_OF_A_LOGIN, ENDS_OF_KEYS, Installation, Revoke


async def submit(
    session: ClientSession, gateway: Gateway, person: Person, prefer: str | None, key: str | None = None
) -> ClientResponse:
    form = FormData()
    form.add_field("example_images", jpeg(size=(64, 64)), filename="a.jpg", content_type="image/jpeg")
    form.add_field("instructions", json.dumps({"prompt": "a quiet harbour"}))
    chosen = {"Prefer": prefer, "Idempotency-Key": key}
    headers = person.headers | {name: value for name, value in chosen.items() if value is not None}
    url = f"{gateway.url}/api/v1/generation/generate-v2"
    return await session.post(url, data=form, headers=headers)


async def listened(gateway: Gateway) -> str:
    await until(lambda: bool(gateway.event_hub.broadcaster.listened))
    return id_of(gateway.event_hub.broadcaster.listened.pop())


async def test_what_is_finished_in_time_is_answered_finished(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    asking = asyncio.create_task(submit(session, gateway, person, 'respond-async, wait="30"'))
    generation = await listened(gateway)
    await desk.travel(generation)
    async with await asking as answer:
        body = await answer.json()
        assert (answer.status, body["id"], body["status"]) == (200, generation, "completed")
        assert answer.headers["Preference-Applied"] == "wait=30"
        assert answer.headers["Location"] == body["urls"]["status"]


async def test_what_takes_longer_is_accepted_as_usual(
    gateway: Gateway, person: Person, session: ClientSession
) -> None:
    async with await submit(session, gateway, person, "wait=1") as answer:
        assert (answer.status, (await answer.json())["status"]) == (202, "pending")
        assert answer.headers["Preference-Applied"] == "wait=1"
    assert not gateway.event_hub.broadcaster.listened
    assert gateway.event_hub.connections.taken == 0


async def test_a_replay_of_what_is_finished_does_not_wait(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    async with await submit(session, gateway, person, None, key="once") as answer:
        assert "Preference-Applied" not in answer.headers
        generation = (await answer.json())["id"]
    await desk.travel(generation)
    async with asyncio.timeout(10), await submit(session, gateway, person, "wait=60", key="once") as answer:
        assert (answer.status, (await answer.json())["id"]) == (200, generation)
        assert answer.headers["Idempotency-Replayed"] == "true"


async def test_a_gateway_that_stops_answers_those_who_wait(
    gateway: Gateway, person: Person, session: ClientSession
) -> None:
    asking = asyncio.create_task(submit(session, gateway, person, "wait=60"))
    await listened(gateway)
    async with asyncio.timeout(10):
        await gateway.stop()
        async with await asking as answer:
            assert answer.status == 202


async def test_no_seat_is_no_reason_to_refuse_a_submission(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_process=1)
    asking = asyncio.create_task(submit(session, gateway, person, "wait=60"))
    generation = await listened(gateway)
    async with asyncio.timeout(10), await submit(session, gateway, person, "wait=60") as answer:
        assert answer.status == 202
        assert "Preference-Applied" not in answer.headers, "nothing was waited for"
    await desk.travel(generation)
    async with await asking as answer:
        assert answer.status == 200


@pytest.mark.parametrize("revoke", [*ENDS_OF_A_LOGIN, *ENDS_OF_KEYS])
async def test_whoever_is_revoked_while_he_waits_is_told_of_his_submission_and_shown_no_picture(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, revoke: Revoke
) -> None:
    asking = asyncio.create_task(submit(session, gateway, person, "wait=60"))
    generation = await listened(gateway)
    await revoke(Installation(gateway, person, session))
    await desk.travel(generation)
    async with await asking as answer:
        body = await answer.json()
        assert (answer.status, body["id"], body["status"]) == (202, generation, "pending")
        assert answer.headers["Preference-Applied"] == "wait=60"


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=soon", "wait=0", "wait=-5", "return=minimal", ""])
async def test_a_preference_that_makes_no_sense_is_ignored(
    gateway: Gateway, person: Person, session: ClientSession, prefer: str
) -> None:
    async with asyncio.timeout(10), await submit(session, gateway, person, prefer) as answer:
        assert answer.status == 202
        assert "Preference-Applied" not in answer.headers
