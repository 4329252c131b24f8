"""What a writing operation would ignore is refused."""

import pytest
import pytest_asyncio

from domain.paths import OPENAI, SUBMIT
from gateway.openapi.operation import Operation
from gateway.routes import OPERATIONS
from tests.systems.gateway_harness import GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Errors of `/v1` have the form of another API, which its own tests hold.
WRITING = [
    one for one in OPERATIONS if one.method != "get" and not one.any_query and not one.path.startswith(f"{OPENAI}/")
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(gateway: GatewayHarness) -> Person:
    return await gateway.person()


@pytest.mark.parametrize("operation", WRITING, ids=lambda one: f"{one.method} {one.path}")
async def test_an_unknown_parameter_is_refused(gateway: GatewayHarness, operation: Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    async with gateway.client.request(operation.method.upper(), f"{path}?is_urgent=1&is_urgent=2&x=3") as answer:
        body = await answer.json()
    assert (answer.status, body["code"]) == (422, "invalid_request")
    assert [error["loc"] for error in body["errors"]] == [["query", "is_urgent"], ["query", "x"]]


async def test_the_known_parameters_are_named(gateway: GatewayHarness, person: Person) -> None:
    async with gateway.client.post(f"{SUBMIT}?dry-run=true", headers=person.headers) as answer:
        [fault] = (await answer.json())["errors"]
    assert fault["msg"] == "unknown query parameter; known: dry_run"


async def test_reading_operations_ignore_parameters_that_they_do_not_know(
    gateway: GatewayHarness, person: Person
) -> None:
    status, _ = await gateway.get("/api/v1/generation/generations-v2?_=1", person.token)
    assert status == 200
