"""Session revalidation: a stream ends when its grant is revoked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.events import event_hub
from tests.gateway.events.gateway_system import PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.sse_client import EVENT_STREAM, opened
from tests.systems.waiting import until

Revoke = Callable[["Installation"], Awaitable[None]]


class Installation:
    """A gateway with one user."""

    def __init__(self, gateway: Gateway, user: EndUser, session: ClientSession) -> None:
        self.gateway, self.user, self.session = gateway, user, session
        self.project = f"/api/v1/projects/{user.project}"

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        url = f"{self.gateway.url}{path}"
        async with self.session.request(method, url, headers=headers, json=body) as answer:
            assert answer.status in (200, 201, 204), (path, answer.status, await answer.text())
            return await answer.json() if answer.status != 204 else None

    async def ticket(self, path: str, headers: Mapping[str, str]) -> str:
        return str((await self.call("POST", f"{path}/ticket", headers))["url"])


async def log_out(at: Installation) -> None:
    await at.call("POST", "/api/v1/auth/logout", at.user.bearer)


async def reset_password(at: Installation) -> None:
    path = f"{at.project}/users/{at.user.id}/password"
    await at.call("PUT", path, at.user.developer, {"password": "another horse battery"})


async def delete_user(at: Installation) -> None:
    await at.call("DELETE", f"{at.project}/users/{at.user.id}", at.user.developer)


async def delete_project(at: Installation) -> None:
    await at.call("DELETE", at.project, at.user.developer)


async def revoke_developer_key(at: Installation) -> None:
    keys = await at.call("GET", "/api/v1/auth/developer-keys", at.user.developer)
    for key in keys:
        await at.call("DELETE", f"/api/v1/auth/developer-keys/{key['id']}", at.user.developer)


async def revoke_project_key(at: Installation) -> None:
    keys = await at.call("GET", f"{at.project}/api-keys", at.user.developer)
    for key in keys:
        await at.call("DELETE", f"{at.project}/api-keys/{key['id']}", at.user.developer)


async def log_developer_out(at: Installation) -> None:
    await at.call("POST", "/api/v1/auth/logout", at.user.developer)


SESSION_REVOCATIONS = [log_out, reset_password, delete_user, delete_project]
KEY_REVOCATIONS = [revoke_developer_key, revoke_project_key]


@pytest.fixture
async def at(system: GatewaySystem, session: ClientSession) -> Installation:
    gateway = await system.start_gateway(recheck=0.05)
    return Installation(gateway, await system.register_user(gateway), session)


async def check_revocation(at: Installation, url: str, headers: Mapping[str, str], revoke: Revoke) -> None:
    """Open a stream, revoke its grant, and check that it ends and cannot be opened again."""
    async with opened(at.session, url, headers) as stream:
        await stream.until("caught_up")
        await revoke(at)
        assert [(frame.event, frame.data) for frame in await stream.rest()] == [("goodbye", {"reason": "credentials"})]
    async with at.session.get(url, headers={**headers, **EVENT_STREAM}) as answer:
        assert answer.status in (401, 403)


@pytest.mark.parametrize("revoke", SESSION_REVOCATIONS)
async def test_the_stream_of_a_generation_ends_with_its_session(
    system: GatewaySystem, at: Installation, revoke: Revoke
) -> None:
    generation = await system.start_generation(at.user)
    await check_revocation(at, f"{at.gateway.url}{PATH}/{generation}/events", at.user.bearer, revoke)


@pytest.mark.parametrize("revoke", SESSION_REVOCATIONS)
async def test_a_stream_opened_by_ticket_ends_with_the_session_of_its_issuer(
    system: GatewaySystem, at: Installation, revoke: Revoke
) -> None:
    generation = await system.start_generation(at.user)
    url = await at.ticket(f"{PATH}/{generation}/events", at.user.bearer)
    await check_revocation(at, url, {}, revoke)


@pytest.mark.parametrize("revoke", [*SESSION_REVOCATIONS, *KEY_REVOCATIONS])
async def test_a_stream_opened_with_keys_ends_with_each_of_them(at: Installation, revoke: Revoke) -> None:
    await check_revocation(at, f"{at.gateway.url}{PATH}/events", at.user.headers, revoke)


@pytest.mark.parametrize("revoke", [log_developer_out, delete_project])
@pytest.mark.parametrize("by_ticket", [False, True])
async def test_the_feed_of_a_project_ends_with_the_project_and_its_developer(
    at: Installation, revoke: Revoke, by_ticket: bool
) -> None:
    path = f"{at.project}/events"
    url = await at.ticket(path, at.user.developer) if by_ticket else f"{at.gateway.url}{path}"
    headers = {} if by_ticket else at.user.developer
    async with opened(at.session, url, headers) as stream:
        await stream.until("caught_up")
        await revoke(at)
        assert [frame.data for frame in await stream.rest()] == [{"reason": "credentials"}]
    async with at.session.get(url, headers={**headers, **EVENT_STREAM}) as answer:
        assert answer.status in (401, 404)


async def test_other_users_streams_continue(system: GatewaySystem, at: Installation) -> None:
    other_user = await system.register_user(at.gateway, beside=at.user)
    generation = await system.start_generation(other_user)
    url = f"{at.gateway.url}{PATH}/{generation}/events"
    async with opened(at.session, url, other_user.bearer) as staying:
        await staying.until("caught_up")
        await check_revocation(at, f"{at.gateway.url}{PATH}/events", at.user.bearer, delete_user)
        await system.append_all(generation)
        assert (await staying.rest())[-1].event == "generation.completed"


async def test_all_grants_are_revalidated_in_one_query(system: GatewaySystem, at: Installation) -> None:
    users = [await system.register_user(at.gateway, beside=at.user) for _ in range(3)]
    queried: list[int] = []
    reading = system.store.accounts.states.read

    async def read(**what: Any) -> Any:
        queried.append(len(what["users"]))
        return await reading(**what)

    url = f"{at.gateway.url}{PATH}/events"
    async with (
        opened(at.session, url, users[0].bearer),
        opened(at.session, url, users[0].bearer),
        opened(at.session, url, users[1].bearer),
        opened(at.session, url, users[2].bearer),
    ):
        system.store.accounts.states.read = read  # type: ignore[method-assign]
        await until(lambda: len(queried) >= 2)
    assert queried[:2] == [3, 3]


async def test_grants_that_cannot_be_checked_keep_no_others_open(
    system: GatewaySystem, at: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_user = await system.register_user(at.gateway, beside=at.user)
    reading = system.store.accounts.states.read

    async def read(**what: Any) -> Any:
        if other_user.id in what["users"]:
            raise TypeError("a damaged document")
        return await reading(**what)

    monkeypatch.setattr(event_hub, "_BATCH", 1)
    url = f"{at.gateway.url}{PATH}/events"
    async with opened(at.session, url, other_user.bearer) as staying:
        await staying.until("caught_up")
        system.store.accounts.states.read = read  # type: ignore[method-assign]
        await check_revocation(at, url, at.user.bearer, log_out)


async def test_a_long_poll_of_a_deleted_user_is_refused(system: GatewaySystem, at: Installation) -> None:
    generation = await system.start_generation(at.user)
    after = (await system.visible_events(generation))[-1][0]
    url = f"{at.gateway.url}{PATH}/{generation}/events?after={after}&wait=30"
    waiting = asyncio.create_task(at.session.get(url, headers=at.user.bearer))
    await until(lambda: bool(at.gateway.event_hub.broadcaster.watched))
    await delete_user(at)
    await system.append_all(generation)
    async with await waiting as answer:
        assert answer.status == 401
