"""Two gateway processes on one mongod without workers: holds stay until a test ends them."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from domain.accounts.quota import seconds_to_next_day, seconds_to_next_period
from store.generations.generations import Generations
from store.quota.admission import Admission
from store.quota.ledger import Account, Correction
from store.quota.recount import Recount
from tests.builders.clock import Clock
from tests.store.quota.conftest import QuotaHarness, ignore
from tests.stores import OpenStore
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, Answer, Tenant, make_tenant

TIERS = '{"tiny": {"daily_requests": 40}}'
REFUSED = "AI generation rate limit exceeded. Try again later."


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("gateways"), databases, environ={"EXEMPLAR_TIERS": TIERS}) as system:
        system.base_url = system.start_gateway("first")
        system.start_gateway("second")
        yield system


def now() -> datetime:
    return datetime.now(UTC)


async def period() -> str:
    """Return the current month; wait if it ends within a minute."""
    if seconds_to_next_period(now()) < 60:
        await asyncio.sleep(60)
    return now().strftime("%Y-%m")


async def submit_many(tenant: Tenant, system: System, count: int) -> list[Answer]:
    """Submit at both gateways at once."""
    here, there = tenant.at(system.base_url), tenant.at(system.gateway_urls["second"])
    return await asyncio.gather(*((here, there)[n % 2].submit() for n in range(count)))


async def test_concurrent_submissions_at_two_gateways_get_exactly_the_limits(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    month = await period()
    tenant = await make_tenant(system, session, "cloud_starter")
    used = Correction("given", now(), "operator:test", ((month, 990),))
    assert await system_store.ledger.correct(tenant.developer, used, seen=Account())
    harness = QuotaHarness(system_store.events, system_store.ledger, now)
    accepted: list[int] = []
    for count in (100, 12, 12, 12):
        answers = await submit_many(tenant, system, count)
        assert set(map(status, answers)) <= {202, 429}
        names = [answer.body["id"] for answer in answers if answer.status == 202]
        accepted.append(len(names))
        account = await system_store.ledger.account(tenant.developer)
        assert {slot.generation for slot in account.slots} == set(names)
        assert account.used_in(month) == 990 + sum(accepted)
        for name in names:
            await harness.live(name, "completed")
    assert accepted == [3, 3, 3, 1]

    last = await tenant.submit()
    left = seconds_to_next_period(now())
    assert (last.status, last.body["detail"]) == (429, REFUSED)
    assert left <= last.body["retry_after"] == int(last.headers["Retry-After"]) <= left + 1
    assert last.headers["RateLimit"].startswith('"monthly";r=0;t=')


def status(answer: Answer) -> int:
    return answer.status


async def test_a_gateway_killed_between_hold_and_append_leaks_nothing(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    month = await period()
    tenant = await make_tenant(system, session, "free_starter")
    killed = system.start_gateway("killed", EXEMPLAR_CRASH_POINT="gateway:before_append")

    with pytest.raises(aiohttp.ClientError):
        await tenant.at(killed).submit()

    assert await system.exit_code("killed") == -signal.SIGKILL
    account = await system_store.ledger.account(tenant.developer)
    assert (len(account.slots), account.used_in(month)) == (1, 1)
    assert await system_store.events.read(f"generation-{account.slots[0].generation}") == []
    refused = await tenant.submit()
    assert refused.status == 429
    assert 120 < int(refused.headers["Retry-After"]) <= 155, "the sweep must come by first"
    report = await Recount(system_store.events, system_store.ledger, system_store.usage.admitted, clock=now).run()
    assert not [found for found in report.differences if found.developer == tenant.developer]

    generations = Generations(system_store.events, announce=ignore, clock=now)
    for minutes, freed in ((1.9, 0), (2.1, 1)):
        clock = Clock()
        clock.now = now() + timedelta(minutes=minutes)
        admission = Admission(system_store.ledger, generations, clock=clock)
        await admission.sweep(older_than=clock.now - timedelta(minutes=2))
        assert len((await system_store.ledger.account(tenant.developer)).slots) == 1 - freed
    assert (await system_store.ledger.account(tenant.developer)).used_in(month) == 0
    assert (await tenant.submit()).status == 202


async def test_a_gateway_killed_right_after_the_append_has_accepted(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    """A client that repeats the request with its key gets the accepted generation and pays once."""
    month = await period()
    tenant = await make_tenant(system, session, "free_starter")
    killed = system.start_gateway("killed after", EXEMPLAR_CRASH_POINT="gateway:after_append")

    with pytest.raises(aiohttp.ClientError):
        await tenant.at(killed).submit(key="once")

    assert await system.exit_code("killed after") == -signal.SIGKILL
    again = await tenant.submit(key="once")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (202, "true")
    account = await system_store.ledger.account(tenant.developer)
    assert [slot.generation for slot in account.slots] == [again.body["id"]]
    assert account.used_in(month) == 1
    await QuotaHarness(system_store.events, system_store.ledger, now).live(again.body["id"], "completed")
    assert (await tenant.submit(key="twice")).status == 202
    assert (await system_store.ledger.account(tenant.developer)).used_in(month) == 2


async def test_every_response_to_a_known_developer_carries_limits(
    system: System, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    seen = await tenant.get(ONE)
    assert seen.status == 200
    assert seen.headers["RateLimit-Policy"].startswith('"monthly";q=100;w=')
    assert '"concurrent";q=1;qu="concurrent-requests", "daily";q=1000;w=86400' in seen.headers["RateLimit-Policy"]
    assert seen.headers["RateLimit"].startswith('"monthly";r=100;t=')
    assert seen.headers["X-RateLimit-Limit"] == "1000"
    assert seen.headers["X-RateLimit-Remaining"] == "999"
    midnight = int(seen.headers["X-RateLimit-Reset"])
    assert midnight % 86_400 == 0
    assert 0 < midnight - now().timestamp() <= 86_400

    answers = [await tenant.submit(), await tenant.get(f"{ONE}/unknown"), await tenant.submit()]
    assert [answer.status for answer in answers] == [202, 404, 429]
    for answer in answers:
        assert answer.headers["RateLimit"].startswith('"monthly";r=99;t=')
        assert '"concurrent";r=0' in answer.headers["RateLimit"]
    assert answers[-1].headers["X-RateLimit-Remaining"] == "996"
    assert int(answers[-1].headers["Retry-After"]) == answers[-1].body["retry_after"] >= 1
    own = f"{ONE}/{answers[0].body['id']}"
    etag = (await tenant.get(own)).headers["ETag"]
    conditional = await tenant.get(own, **{"If-None-Match": etag})
    assert conditional.status == 304
    assert "RateLimit" in conditional.headers
    stream = {"Authorization": tenant.headers["Authorization"], "Accept": "text/event-stream"}
    async with session.get(f"{system.base_url}{own}/events", headers=stream) as opened_stream:
        assert opened_stream.content_type == "text/event-stream"
        assert "RateLimit" in opened_stream.headers


async def test_unknown_clients_and_unlimited_tiers_get_no_limit_headers(
    system: System, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "internal")
    unknown = await tenant.get(ONE, Authorization="Bearer nonsense")
    unlimited = await tenant.get(ONE)
    assert (unknown.status, unlimited.status) == (401, 200)
    for answer in (unknown, unlimited):
        assert not [name for name in answer.headers if "ratelimit" in name.lower()]


async def test_daily_requests_are_shared_by_gateways_and_refused_first(
    system: System, session: aiohttp.ClientSession
) -> None:
    if seconds_to_next_day(now()) < 60:
        await asyncio.sleep(60)
    tenant = await make_tenant(system, session, "tiny")
    first = await tenant.submit(key="known")
    assert first.status == 202
    asked = [
        tenant.at((system.base_url, system.gateway_urls["second"])[n % 2]).get(f"{ONE}/unknown") for n in range(60)
    ]
    statuses = Counter(map(status, await asyncio.gather(*asked)))
    assert statuses == {404: 39, 429: 21}

    refused = await tenant.get(f"{ONE}/unknown")
    left = seconds_to_next_day(now())
    assert refused.status == 429
    assert refused.body["detail"] == "API rate limit exceeded. Try again later."
    assert refused.body["code"] == "request_limit_exceeded"
    assert left <= refused.body["retry_after"] == int(refused.headers["Retry-After"]) <= left + 1
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert (await tenant.submit()).body["code"] == "request_limit_exceeded"
    assert (await tenant.get(ONE, Authorization="Bearer nonsense")).status == 401
    wrong_role = await tenant.get(ONE, **{"X-User-Role": "developer"})
    assert wrong_role.status == 403


async def test_an_idempotent_replay_is_answered_beyond_the_limits(
    system: System, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "tiny")
    first = await tenant.submit(key="known")
    while (await tenant.get(f"{ONE}/unknown")).status == 404:
        continue
    replay, other = await tenant.submit(key="known"), await tenant.submit(key="unknown")
    assert (replay.status, replay.body["id"]) == (202, first.body["id"])
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (429, "request_limit_exceeded")


async def test_the_end_frees_the_slot_at_every_gateway(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    harness = QuotaHarness(system_store.events, system_store.ledger, now)
    for number, end in enumerate(("completed", "failed") * 4):
        gateway = tenant.at((system.base_url, system.gateway_urls["second"])[number % 2])
        await harness.live(await gateway.accepted(), end)
