"""MongoDB killed under load: accepted generations are kept, all other requests get an error."""

import asyncio
import os
from collections.abc import Iterator
from functools import partial

import pytest

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from store.mongo.replica_set import initiate_replica_set
from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import Answer, Tenant, fetch
from tests.systems.waiting import until

SYSTEM = "own"


@pytest.fixture(scope="module")
def own_mongod(mongod_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    home = tmp_path_factory.mktemp("store")
    server = Mongod(home, Ports(home / "mongod.json").of("mongod"), os.environ)
    try:
        server.launch()
        server.wait_ready(initiate_replica_set)
        yield server
    finally:
        server.child.kill()
        server.child.stop()


@pytest.fixture(scope="module")
def own_system(own_mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("own"), own_mongod.url("journeys"), None)
    try:
        system.start()
        yield system
    finally:
        system.close()


async def test_a_killed_store_loses_no_accepted_generation_and_causes_no_500(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System, own_mongod: Mongod
) -> None:
    tenant = await new_tenant()
    refusals: list[Answer] = []
    accepted: dict[str, str] = {}

    async def client(number: int) -> None:
        for key in (f"{number}-{turn}" for turn in range(3)):
            taking = partial(_accepted, tenant, key, refusals)
            answer = await until(taking, f"{key} is taken", every=0.5)
            accepted[key] = answer.body["id"]

    working = asyncio.gather(*(client(number) for number in range(4)))
    await until(lambda: len(accepted) >= 2, "some are accepted")
    own_mongod.child.kill()
    own_mongod.child.stop()
    await until(lambda: _is_unhealthy(tenant), "the gateway notices")
    await until(lambda: refusals, "a client gets 503 with a retry time")
    own_mongod.launch()
    await asyncio.to_thread(own_mongod.wait_ready, initiate_replica_set)
    await working

    assert refusals, "no request was affected"
    for answer in refusals:
        assert (answer.status, answer.body["code"]) == (503, "store_unavailable"), answer.data
        assert int(answer.headers["Retry-After"]) >= 1
    for key, generation in accepted.items():
        again = await tenant.submit(key=key)
        assert (again.status, again.body["id"]) == (202, generation)
    await asyncio.gather(*(tenant.completed(generation) for generation in accepted.values()))
    assert [len(await sandbox.creations(generation)) for generation in accepted.values()] == [1] * len(accepted)


async def _accepted(tenant: Tenant, key: str, refusals: list[Answer]) -> Answer | None:
    answer = await tenant.submit(key=key)
    if answer.status == 202:
        return answer
    refusals.append(answer)
    return None


async def _is_unhealthy(tenant: Tenant) -> bool:
    return (await fetch(tenant.session, tenant.base_url, "/health")).status == 503
