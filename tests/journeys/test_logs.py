"""The log lines of the processes; `check_logs` looks at those of every system after its last journey."""

import aiohttp

from tests.builders import pictures
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import check_logs
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import SUBMIT, Tenant, fetch

SYSTEM = "whole"


async def test_every_log_line_is_json_with_its_ids_and_without_secrets_or_personal_data(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant()
    await _all_kinds_of_requests(tenant, sandbox)

    check_logs(system)
    for name in system.names:
        assert system.logged(name), name
    _refusals_name_route_and_code(system)


async def _all_kinds_of_requests(tenant: Tenant, sandbox: SandboxClient) -> None:
    await tenant.completed(await tenant.accepted())
    await tenant.finished(await tenant.spoiled(sandbox, outcome="failed"))
    await tenant.completed(await tenant.spoiled(sandbox, create="429", retry_after=1))
    await tenant.finished(await tenant.accepted(pictures.truncated(pictures.jpeg())))
    assert (await tenant.submit(b"no picture")).status == 422
    assert (await tenant.submit(seed="heliotrope")).status == 422
    assert (await fetch(tenant.session, tenant.base_url, "/api/v1/auth/me")).status == 401
    login = {"email": tenant.email, "password": "heliotrope"}
    url = f"{tenant.base_url}/api/v1/auth/login"
    async with tenant.session.post(url, json=login, headers={"X-Project-ID": tenant.project}) as answer:
        assert answer.status == 401
    form = aiohttp.FormData()
    form.add_field("instructions", '{"prompt": "heliotrope')
    async with tenant.session.post(tenant.base_url + SUBMIT, data=form, headers=tenant.headers) as answer:
        assert answer.status == 422


def _refusals_name_route_and_code(system: System) -> None:
    ours = [line for name in system.names if name != "sandbox" for line in system.logged(name)]
    refused = [line for line in ours if line["event"] == "request_refused"]
    assert [line for line in ours if "queue" in line and "stream" in line]
    assert {line["code"] for line in refused} >= {"invalid_image_format", "authorization_required"}
    whole = {"event", "level", "logger", "timestamp", "service"} | {"request_id", "generation_id"}
    fields = [line.keys() - whole for line in refused]
    assert all(keys == {"method", "route", "status", "code"} for keys in fields)


async def test_a_request_id_is_logged_by_every_process_that_handled_it(new_tenant: MakeTenant, system: System) -> None:
    tenant = await new_tenant()
    answer = await tenant.submit()
    generation, request_id = answer.body["id"], answer.headers["X-Request-ID"]
    await tenant.completed(generation)

    ours = [line for name in system.names if name != "sandbox" for line in system.logged(name)]
    appended = [line for line in ours if line["event"] == "events_appended" and line["generation_id"] == generation]
    assert appended
    told_by_clients_wish = [line for line in appended if "generation.started" not in line["types"]]
    assert {line.get("request_id") for line in told_by_clients_wish} >= {request_id}
    assert all("event_id" in line for line in appended)
