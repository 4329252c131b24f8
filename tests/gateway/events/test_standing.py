"""An open stream lasts no longer than the right to read it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.gateway.events.newsdesk import ONE, Gateway, Newsdesk, Person, until
from tests.gateway.events.reading import EVENT_STREAM, opened

Revoke = Callable[["Installation"], Awaitable[None]]


class Installation:
    """A gateway with a person, and what may be taken from him."""

    def __init__(self, gateway: Gateway, person: Person, session: ClientSession) -> None:
        self.gateway, self.person, self.session = gateway, person, session
        self.project = f"/api/v1/projects/{person.project}"

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        url = f"{self.gateway.url}{path}"
        async with self.session.request(method, url, headers=headers, json=body) as answer:
            assert answer.status in (200, 201, 204), (path, answer.status, await answer.text())
            return await answer.json() if answer.status != 204 else None

    async def ticket(self, path: str, headers: Mapping[str, str]) -> str:
        return str((await self.call("POST", f"{path}/ticket", headers))["url"])


async def log_out(at: Installation) -> None:
    await at.call("POST", "/api/v1/auth/logout", at.person.reading)


async def reset_password(at: Installation) -> None:
    path = f"{at.project}/users/{at.person.user}/password"
    await at.call("PUT", path, at.person.developer, {"password": "another horse battery"})


async def delete_user(at: Installation) -> None:
    await at.call("DELETE", f"{at.project}/users/{at.person.user}", at.person.developer)


async def delete_project(at: Installation) -> None:
    await at.call("DELETE", at.project, at.person.developer)


async def revoke_developer_key(at: Installation) -> None:
    keys = await at.call("GET", "/api/v1/auth/developer-keys", at.person.developer)
    for key in keys:
        await at.call("DELETE", f"/api/v1/auth/developer-keys/{key['id']}", at.person.developer)


async def revoke_project_key(at: Installation) -> None:
    keys = await at.call("GET", f"{at.project}/api-keys", at.person.developer)
    for key in keys:
        await at.call("DELETE", f"{at.project}/api-keys/{key['id']}", at.person.developer)


async def log_developer_out(at: Installation) -> None:
    await at.call("POST", "/api/v1/auth/logout", at.person.developer)


ENDS_OF_A_LOGIN = [log_out, reset_password, delete_user, delete_project]
ENDS_OF_KEYS = [revoke_developer_key, revoke_project_key]


@pytest.fixture
async def at(desk: Newsdesk, session: ClientSession) -> Installation:
    gateway = await desk.gateway(recheck=0.05)
    return Installation(gateway, await desk.person(gateway), session)


async def goodbye(at: Installation, url: str, headers: Mapping[str, str], revoke: Revoke) -> None:
    """Open a stream, take the right to read it, and see it end with a reason and stay shut."""
    async with opened(at.session, url, headers) as stream:
        await stream.until("caught_up")
        await revoke(at)
        assert [(frame.event, frame.data) for frame in await stream.rest()] == [
            ("goodbye", {"reason": "credentials"})
        ]
    async with at.session.get(url, headers={**headers, **EVENT_STREAM}) as answer:
        assert answer.status in (401, 403)


@pytest.mark.parametrize("revoke", ENDS_OF_A_LOGIN)
async def test_the_stream_of_a_generation_ends_with_the_login_that_opened_it(
    desk: Newsdesk, at: Installation, revoke: Revoke
) -> None:
    generation = await desk.generation(at.person)
    await goodbye(at, f"{at.gateway.url}{ONE}/{generation}/events", at.person.reading, revoke)


@pytest.mark.parametrize("revoke", ENDS_OF_A_LOGIN)
async def test_a_stream_opened_by_ticket_ends_with_the_login_of_its_issuer(
    desk: Newsdesk, at: Installation, revoke: Revoke
) -> None:
    generation = await desk.generation(at.person)
    url = await at.ticket(f"{ONE}/{generation}/events", at.person.reading)
    await goodbye(at, url, {}, revoke)


@pytest.mark.parametrize("revoke", [*ENDS_OF_A_LOGIN, *ENDS_OF_KEYS])
async def test_a_stream_opened_with_keys_ends_with_any_of_them(at: Installation, revoke: Revoke) -> None:
    await goodbye(at, f"{at.gateway.url}{ONE}/events", at.person.headers, revoke)


@pytest.mark.parametrize("revoke", [log_developer_out, delete_project])
@pytest.mark.parametrize("by_ticket", [False, True])
async def test_the_stream_of_a_project_ends_with_it_and_with_its_developer(
    at: Installation, revoke: Revoke, by_ticket: bool
) -> None:
    path = f"{at.project}/events"
    url = await at.ticket(path, at.person.developer) if by_ticket else f"{at.gateway.url}{path}"
    headers = {} if by_ticket else at.person.developer
    async with opened(at.session, url, headers) as stream:
        await stream.until("caught_up")
        await revoke(at)
        assert [frame.data for frame in await stream.rest()] == [{"reason": "credentials"}]
    async with at.session.get(url, headers={**headers, **EVENT_STREAM}) as answer:
        assert answer.status in (401, 404)


async def test_one_who_goes_leaves_the_others_their_streams(desk: Newsdesk, at: Installation) -> None:
    neighbour = await desk.person(at.gateway, beside=at.person)
    generation = await desk.generation(neighbour)
    url = f"{at.gateway.url}{ONE}/{generation}/events"
    async with opened(at.session, url, neighbour.reading) as staying:
        await staying.until("caught_up")
        await goodbye(at, f"{at.gateway.url}{ONE}/events", at.person.reading, delete_user)
        await desk.travel(generation)
        assert (await staying.rest())[-1].event == "generation.completed"


async def test_many_streams_are_judged_in_one_question(desk: Newsdesk, at: Installation) -> None:
    people = [await desk.person(at.gateway, beside=at.person) for _ in range(3)]
    asked: list[int] = []
    reading = desk.store.accounts.states.read

    async def read(**what: Any) -> Any:
        asked.append(len(what["users"]))
        return await reading(**what)

    url = f"{at.gateway.url}{ONE}/events"
    async with (
        opened(at.session, url, people[0].reading),
        opened(at.session, url, people[0].reading),
        opened(at.session, url, people[1].reading),
        opened(at.session, url, people[2].reading),
    ):
        desk.store.accounts.states.read = read  # type: ignore[method-assign]
        await until(lambda: len(asked) >= 2)
    assert asked[:2] == [3, 3]


async def test_a_long_poll_of_somebody_who_was_deleted_tells_nothing(
    desk: Newsdesk, at: Installation
) -> None:
    generation = await desk.generation(at.person)
    after = (await desk.shown(generation))[-1][0]
    url = f"{at.gateway.url}{ONE}/{generation}/events?after={after}&wait=30"
    waiting = asyncio.create_task(at.session.get(url, headers=at.person.reading))
    await until(lambda: bool(at.gateway.event_hub.broadcaster.listened))
    await delete_user(at)
    await desk.travel(generation)
    async with await waiting as answer:
        assert answer.status == 401
