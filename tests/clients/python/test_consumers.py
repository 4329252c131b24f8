"""`consume` of both clients: events are leased, handled and acknowledged, at least once and in order."""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import pytest

from exemplar_client import AsyncClient, Client, Login, NotFoundError
from tests.clients.faulty_proxy import FaultyProxy, response
from tests.systems.account import Account
from tests.systems.tenants import small

NAME = "billing"


class Seconds:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def login(account: Account) -> Login:
    return Login(account.developer_email, account.password)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def developer(proxy: FaultyProxy, login: Login, pauses: list[float], seconds: Seconds) -> Iterator[Client]:
    with Client(proxy.url, login, sleep=pauses.append, clock=seconds) as developer:
        yield developer


@pytest.fixture
def every(client: Client, developer: Client, account: Account) -> list[str]:
    """Finish a generation and make a consumer at the beginning; return the ids of all events of the project."""
    client.wait(client.submit([small()], {"prompt": "a lighthouse"}).id, timeout=60)
    move(developer, account)
    while True:
        events = developer.api.read_project_events(account.project_id, after="0", limit=500)["events"]
        if events and events[-1]["type"] == "generation.completed":
            return [event["id"] for event in events]


def move(developer: Client, account: Account) -> None:
    """Move the consumer to the beginning; a lease ends."""
    developer.api.put_project_consumer(account.project_id, NAME, json={"cursor": "0"})


def consumed(developer: Client, account: Account, **options: Any) -> list[str]:
    return [one.data["id"] for one in developer.consume(account.project_id, NAME, forever=False, wait=0, **options)]


def test_every_event_is_handled_once_in_order(developer: Client, account: Account, every: list[str]) -> None:
    assert len(every) > 2
    assert consumed(developer, account, limit=1) == every
    assert consumed(developer, account) == []


def test_what_was_not_handled_is_handed_out_again_at_once(
    developer: Client, account: Account, every: list[str]
) -> None:
    with closing(developer.consume(account.project_id, NAME)) as events:
        assert [event.data["id"] for event in islice(events, 2)] == every[:2], "the second is not handled yet"
    assert consumed(developer, account) == every[1:]


def test_events_of_a_lost_answer_are_leased_after_the_end_of_its_lease(
    proxy: FaultyProxy, login: Login, developer: Client, account: Account, every: list[str]
) -> None:
    pauses = list[float]()

    def pause(length: float) -> None:
        pauses.append(length)
        if len(pauses) == 2:
            move(developer, account)

    proxy.inject("/lease", after=0)
    with Client(proxy.url, login, sleep=pause) as other:
        assert consumed(other, account) == every
    assert pauses[1:] == [1.0], "the lease that nobody knows"


def test_another_program_is_waited_for(
    proxy: FaultyProxy, developer: Client, account: Account, every: list[str], pauses: list[float]
) -> None:
    proxy.inject("/lease", instead=response(409, b'{"code": "consumer_leased"}', Retry_After="7"))
    assert consumed(developer, account) == every
    assert pauses == [7.0]


@pytest.mark.parametrize(("takes", "extended"), [(29.0, False), (31.0, True)])
def test_a_lease_is_kept_while_events_are_handled(
    proxy: FaultyProxy,
    developer: Client,
    account: Account,
    every: list[str],
    seconds: Seconds,
    takes: float,
    *,
    extended: bool,
) -> None:
    for event in developer.consume(account.project_id, NAME, forever=False, wait=0, seconds=60):
        seconds.now += takes if event.data["id"] == every[0] else 0
    acknowledged = proxy.heads("/acknowledge")
    assert len(acknowledged) == 1 + extended


def test_a_lost_lease_lets_its_events_be_handed_out_again(
    developer: Client, account: Account, every: list[str], seconds: Seconds
) -> None:
    handled = []
    for event in developer.consume(account.project_id, NAME, forever=False, wait=0):
        handled.append(event.data["id"])
        if len(handled) == 2:
            move(developer, account)
            seconds.now += 60
    assert handled == [*every[:2], *every]


def test_an_unknown_consumer_raises(developer: Client, account: Account) -> None:
    with pytest.raises(NotFoundError):
        next(developer.consume(account.project_id, "unknown"))


async def test_the_client_for_event_loops_does_the_same(
    proxy: FaultyProxy, login: Login, account: Account, every: list[str]
) -> None:
    async with AsyncClient(proxy.url, login) as client:
        events = client.consume(account.project_id, NAME)
        assert (await anext(events)).data["id"] == every[0]
        assert (await anext(events)).data["id"] == every[1]
        await events.aclose()
        rest = client.consume(account.project_id, NAME, forever=False, wait=0, limit=2)
        assert [event.data["id"] async for event in rest] == every[1:]
