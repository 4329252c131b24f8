"""What an operation would ignore in a JSON body is refused, and nothing is done."""

from typing import Any

import pytest
import pytest_asyncio

from gateway.http.parsing import Body
from gateway.routes import OPERATIONS
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(gateway: GatewayHarness) -> Person:
    return await gateway.person()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def generation(gateway: GatewayHarness, person: Person) -> str:
    return await gateway.completed(person)


async def test_every_body_has_known_fields_only() -> None:
    bodies = [one.body for one in OPERATIONS if isinstance(one.body, type)]
    assert bodies
    assert [body for body in bodies if not issubclass(body, Body)] == []


def fault_of(answer: tuple[int, Any]) -> tuple[list[str], str]:
    status, body = answer
    assert (status, body["code"]) == (422, "invalid_request"), body
    [fault] = body["errors"]
    return fault["loc"], fault["msg"]


async def test_a_dry_run_in_the_body_erases_nothing(gateway: GatewayHarness, person: Person, generation: str) -> None:
    body, token = {"reason": "data_request", "dry_run": True}, person.owned_project.owner.token
    answer = await gateway.call("POST", f"/api/v1/erasures/generations/{generation}", token, body)
    assert fault_of(answer) == (["body", "dry_run"], "unknown field; known: reason, case")
    assert (await gateway.get(f"{ONE}/{generation}", person.token))[0] == 200


async def test_a_retry_and_a_publication_refuse_other_fields(
    gateway: GatewayHarness, person: Person, generation: str
) -> None:
    retried = await gateway.call("POST", f"{ONE}/{generation}/retry", person.headers, {"seed": "same", "prompt": "x"})
    assert fault_of(retried) == (["body", "prompt"], "unknown field; known: seed")
    until = {"is_public": True, "until": "2030-01-01"}
    published = await gateway.call("PATCH", f"{ONE}/{generation}/public", person.token, until)
    assert fault_of(published) == (["body", "until"], "unknown field; known: is_public")
    _, resource = await gateway.get(f"{ONE}/{generation}", person.token)
    assert resource["is_public"] is False


async def test_a_name_is_quoted_where_it_is_no_plain_text(gateway: GatewayHarness, person: Person) -> None:
    token = person.owned_project.owner.token
    answer = await gateway.call("POST", "/api/v1/projects", token, {"name": "garden", "na\nme": 1, "colour": 2})
    assert [fault["loc"][1] for fault in answer[1]["errors"]] == [r"'na\nme'", "colour"]
