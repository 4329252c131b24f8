"""MongoDB killed under load: accepted generations are kept, all other requests get an error."""

import asyncio
from functools import partial

from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import MongoServer
from tests.systems.tenants import Answer, Tenant, fetch
from tests.systems.waiting import until

SYSTEM = "own"


async def test_a_killed_store_loses_no_accepted_generation_and_causes_no_500(
    new_tenant: MakeTenant, sandbox: SandboxClient, own_mongod: MongoServer
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
    own_mongod.stop()
    await until(lambda: _is_unhealthy(tenant), "the gateway notices")
    await until(lambda: refusals, "a client gets 503 with a retry time")
    own_mongod.launch()
    await asyncio.to_thread(own_mongod.wait_ready)
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
