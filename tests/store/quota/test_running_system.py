"""The running product with two gateways: client guarantees and the operator's check."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from domain.accounts.quota import seconds_to_next_day
from tests.docs.reading import blocks
from tests.stores import OpenStore
from tests.systems.commands import command
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, PASSWORD, Answer, Tenant, fetch, make_tenant
from tests.systems.waiting import until

TIMES = 12
FAST = {"EXEMPLAR_SANDBOX_BOOT_SECONDS": "0", "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0.05"}


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("living"), databases) as system:
        system.env |= FAST
        system.start()
        system.start_gateway("second")
        yield system


async def developer_of(tenant: Tenant, system_store: OpenStore) -> dict[str, str]:
    """Log the tenant's developer in."""
    record = await system_store.accounts.developer(tenant.developer)
    assert record is not None
    login = {"email": record.email, "password": PASSWORD}
    async with tenant.session.post(f"{tenant.base_url}/api/v1/auth/login", json=login) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}


async def completed(tenant: Tenant, generation: str) -> None:
    """Poll a generation without pauses until it has ended."""
    while (read := await tenant.resource(generation))["status"] != "completed":
        assert read["status"] != "failed", read["failure"]
        await asyncio.sleep(0.04)


async def usage(tenant: Tenant, query: str, headers: dict[str, str], **more: str) -> Answer:
    return await fetch(tenant.session, tenant.base_url, f"/api/v1/usage{query}", headers | more)


async def quota(system: System, *options: str) -> tuple[int, str]:
    """Run `exemplar quota check` as an operator would."""
    done = await command("quota", "check", *options, env=system.env, cwd=system.home)
    return done.code, done.out


async def test_submit_after_completed_is_never_refused_on_the_free_tier(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    if seconds_to_next_day(datetime.now(UTC)) < 120:
        await asyncio.sleep(120)
    tenant = await make_tenant(system, session, "free_starter")
    here, there = tenant, tenant.at(system.gateway_urls["second"])
    for number in range(TIMES):
        # What the second gateway takes waits for redelivery, so that it takes few.
        gateway, other = (there, here) if number % 10 == 5 else (here, there)
        await completed(other, await gateway.accepted())

    async def rows_written() -> dict[str, Any] | None:
        body = (await usage(tenant, "", await developer_of(tenant, system_store))).body
        return body if body["totals"]["completed"] == TIMES else None

    body = dict(await until(rows_written, "the rows are written"))
    today = datetime.now(UTC).date().isoformat()
    assert body["by"] == ["day"]
    assert body["usage"] == [{"day": today, **body["totals"]}]
    totals = dict(body["totals"])
    assert totals.pop("cost_usd") > 0
    assert totals == {"generations": TIMES, "completed": TIMES, "failed": 0, "running": 0, "units": TIMES}
    assert body["tier"] == "free_starter"
    assert body["limits"]["monthly"]["limit"] - body["limits"]["monthly"]["remaining"] == TIMES
    await _usage_in_every_form(tenant, system_store)
    code, output = await quota(system, "--json")
    assert (code, json.loads(output)["differences"]) == (0, [])


async def _costs_equal_a_recount(tenant: Tenant, developer: dict[str, str]) -> None:
    """Compare the cost by key, in JSON and CSV, with the sum of the resources."""
    resources = (await tenant.get(f"{ONE}?per_page=100")).body["generations"]
    costs = sum(round(one["cost"]["usd"] * 1_000_000) for one in resources)
    [line] = (await usage(tenant, "?by=key,user", developer)).body["usage"]
    [written] = csv.DictReader(io.StringIO((await usage(tenant, "?by=key,user&format=csv", developer)).data.decode()))
    assert (round(line["cost_usd"] * 1_000_000), line["user_id"]) == (costs, tenant.user)
    assert {name: str(value) for name, value in line.items()} == written
    assert all(one["cost"]["estimated_usd"] > 0 for one in resources)
    project = f"/api/v1/projects/{tenant.project}/api-keys"
    keys = (await fetch(tenant.session, tenant.base_url, project, developer)).body
    assert line["api_key_id"] in [key["id"] for key in keys]


async def _usage_in_every_form(tenant: Tenant, system_store: OpenStore) -> None:
    developer = await developer_of(tenant, system_store)
    user = {"Authorization": tenant.headers["Authorization"]}
    for query, headers in (
        ("?by=project,month&format=csv", {}),
        ("?by=project,month", {"Accept": "text/csv"}),
    ):
        answer = await usage(tenant, query, developer, **headers)
        assert answer.headers["Content-Type"].startswith("text/csv")
        [line] = list(csv.DictReader(io.StringIO(answer.data.decode())))
        assert (line["project_id"], line["units"]) == (tenant.project, str(TIMES))
    await _costs_equal_a_recount(tenant, developer)
    own = (await usage(tenant, "?by=month", user)).body
    assert own["totals"]["units"] == TIMES
    shared = (await usage(tenant, "?by=month", developer)).body
    assert own["limits"].keys() == shared["limits"].keys() == {"monthly", "concurrent", "daily"}
    assert own["limits"]["monthly"] == shared["limits"]["monthly"]
    assert ("tier" in own, "tier" in shared) == (False, True)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert (await usage(tenant, f"?from={yesterday}&to={yesterday}", developer)).body["usage"] == []
    assert "RateLimit" in (await usage(tenant, "", user)).headers
    for who, query in (
        (developer, "?by=colour"),
        (developer, "?by=day,day"),
        (developer, "?by=user&by=day"),
        (developer, "?from=today"),
        (developer, "?from=2026-01-01&to=2027-06-01"),
        (developer, "?from=2026-02-02&to=2026-02-01"),
        (developer, "?format=xml"),
        (user, "?by=user"),
        (user, "?by=project"),
    ):
        assert (await usage(tenant, query, who)).status == 422, query


async def test_the_operator_sees_a_difference_and_corrects_it(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "cloud_starter")
    await tenant.completed(await tenant.accepted())
    month = datetime.now(UTC).strftime("%Y-%m")
    await until(lambda: _settled(system_store, tenant.developer), "the unit is spent")
    database = system_store.database
    await database["ledger"].update_one({"_id": tenant.developer}, {"$inc": {f"used.{month}": 7}})

    code, output = await quota(system)
    assert code == 1
    assert tenant.developer in output
    code, output = await quota(system, "--repair", "--json")
    assert code == 0
    [found] = json.loads(output)["differences"]
    assert (found["kind"], found["ledger"], found["log"]) == ("units", 8, 1)
    [correction] = await system_store.ledger.corrections(tenant.developer)
    assert correction.units == ((month, -7),)
    assert (await system_store.ledger.account(tenant.developer)).used_in(month) == 1


async def test_the_documented_commands_work(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    developer = await developer_of(tenant, system_store)
    env = {
        **system.env,
        "BASE": tenant.base_url,
        "TOKEN": tenant.headers["Authorization"].removeprefix("Bearer "),
        "DEVELOPER_TOKEN": developer["Authorization"].removeprefix("Bearer "),
    }
    headers, answers = [await _run(block, env) for block in blocks("docs/limits.md", "bash")]
    assert "RateLimit: " in headers
    assert "X-RateLimit-Remaining: " in headers
    assert '"by": ["month", "project"]' in answers
    assert "day,generations,completed,failed,running,units" in answers


async def _run(script: str, env: dict[str, str]) -> str:
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec("bash", "-e", "-c", script, stdout=pipe, env=env)
    output, _ = await running.communicate()
    assert running.returncode == 0
    return output.decode()


async def _settled(system_store: OpenStore, developer: str) -> bool:
    return not (await system_store.ledger.account(developer)).slots


async def test_the_reported_wait_for_a_slot_suffices(system: System, session: aiohttp.ClientSession) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    await tenant.accepted()
    refused = await tenant.submit()
    if refused.status == 429:
        await asyncio.sleep(int(refused.headers["Retry-After"]))
        assert (await tenant.submit()).status == 202
    assert (await tenant.get(ONE)).headers["RateLimit"]
