"""The served OpenAPI document matches the routes and responses of the gateway."""

import itertools
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from domain.accounts.access import Role
from domain.paths import SUBMIT
from domain.submission.model_inputs import Ceilings, rules
from domain.webhooks.delivery import example_of
from events.catalogue import CATALOGUE
from events.envelope import visible
from gateway.openapi import parameters
from gateway.openapi.operation import Operation
from gateway.routes import OPERATIONS
from gateway.submissions.uploads.parts import IMAGE_FIELDS, TEXT_FIELDS
from tests.gateway.test_tenant_isolation import UNKNOWN, routes_of
from tests.systems.documented import PROBLEMS
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = json.loads((Path(__file__).parents[2] / "journeys/cloud-api.openapi.json").read_text())
NOT_SERVED = {
    ("post", "/api/v1/auth/verify-email"),
    ("post", "/api/v1/auth/request-verification"),
}
"""Operations of the public file that need e-mail, which the product does not send."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(gateway: GatewayHarness) -> Any:
    status, body = await gateway.get("/openapi.json")
    assert status == 200
    return body


def methods_of(document: Any) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in document["paths"].items() for method in methods}


async def test_the_document_lists_exactly_the_routes(gateway: GatewayHarness, served: Any) -> None:
    assert methods_of(served) == {(route.method.lower(), route.path) for route in routes_of(gateway)}
    assert len(OPERATIONS) == len(methods_of(served)), "no operation is documented twice"
    assert all(operation.summary for operation in OPERATIONS), "every handler has a docstring"


async def test_every_operation_of_the_public_file_is_served(served: Any) -> None:
    assert methods_of(PUBLIC) - methods_of(served) == NOT_SERVED


async def test_references_have_targets_and_operation_ids_are_unique(served: Any) -> None:
    text = json.dumps(served)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= set(served["components"]["schemas"])
    operations = [one for methods in served["paths"].values() for one in methods.values()]
    ids = [one["operationId"] for one in operations]
    assert len(ids) == len(set(ids))
    schemes = {name for one in operations for way in one["security"] for name in way}
    assert schemes <= set(served["components"]["securitySchemes"])


async def test_the_document_is_valid_openapi(served: Any) -> None:
    OpenAPIV31SpecValidator(served).validate()


async def test_names_of_operations_suit_generated_clients(served: Any) -> None:
    names = [one["operationId"] for methods in served["paths"].values() for one in methods.values()]
    names += [one["post"]["operationId"] for one in served["webhooks"].values()]
    assert [name for name in names if not re.fullmatch("[a-z]+([A-Z][a-z0-9]*)*", name)] == []
    assert len(names) == len(set(names))


async def test_every_operation_has_a_known_tag(served: Any) -> None:
    used = {one["tags"][0] for methods in served["paths"].values() for one in methods.values()}
    assert used == {tag["name"] for tag in served["tags"]}


async def test_every_parameter_says_what_it_is_and_of_which_kind(served: Any) -> None:
    for path, methods in served["paths"].items():
        for parameter in (one for operation in methods.values() for one in operation["parameters"]):
            assert parameter["description"], (path, parameter)
            assert parameter["schema"].keys() & {"type", "anyOf", "enum", "$ref"}, (path, parameter)


async def test_every_described_parameter_is_read() -> None:
    in_path = {name for one in OPERATIONS for name in re.findall(r"\{(\w+)\}", one.path)}
    assert {*parameters._MEANINGS} == {name for one in OPERATIONS for name in one.query_names}
    assert {*parameters._PATH} <= in_path
    assert {*parameters._HEADERS} == {name for one in OPERATIONS for name in one.headers} | {"If-None-Match"}


async def test_no_answer_is_a_bare_object(served: Any) -> None:
    """Only what is not of this API has no named members: metadata, data of events, schemas, views of the audit."""
    bare = [name for name, schema in served["components"]["schemas"].items() if is_bare(schema)]
    assert bare == []
    for path, methods in served["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    assert not is_bare(content.get("schema", {"$ref": ""})), (method, path, status, kind)


def is_bare(schema: Any) -> bool:
    """Tell whether a schema, or a member of it, is an object of which nothing is said."""
    if schema.get("type") == "object" and not schema.keys() & {"properties", "additionalProperties", "allOf"}:
        return True
    members = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("allOf", [])]
    return any(map(is_bare, members)) or ("items" in schema and is_bare(schema["items"]))


async def test_every_deliverable_event_has_a_webhook_whose_sample_matches(served: Any) -> None:
    assert {*served["webhooks"]} == {*CATALOGUE.deliverable}
    for name, webhook in served["webhooks"].items():
        schema = webhook["post"]["requestBody"]["content"]["application/json"]["schema"]
        event = visible(example_of(name, now=datetime(2026, 1, 1, tzinfo=UTC)))
        data = {"id": "1", "project_id": "2", "version": 1, "example": True, "event": event}
        message = {"type": name, "timestamp": "2026-01-01T00:00:00.000000Z", "data": data}
        checked = Draft202012Validator({**schema, "components": served["components"]})
        checked.validate(message)
        assert not checked.is_valid({**message, "type": "another"})


async def test_every_path_parameter_is_documented(served: Any) -> None:
    for path, methods in served["paths"].items():
        for operation in methods.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path)), path


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
async def test_requests_without_credentials_are_refused_as_documented(
    gateway: GatewayHarness, operation: Operation
) -> None:
    path = re.sub(r"\{number\}", "0", operation.path)
    status, body = await gateway.call(operation.method.upper(), re.sub(r"\{\w+\}", UNKNOWN, path), {}, None)
    if operation.caller == "link":
        assert status in (401, 404), body
        return
    if operation.caller != "public":
        assert status in (401, 403), body
        return
    assert status not in (401, 403) or "provider" in operation.path, body


async def test_every_media_type_of_an_answer_is_documented(gateway: GatewayHarness, served: Any) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    one, project = "/api/v1/generation/generations-v2", person.owned_project
    for path, headers in (
        (f"{one}/{{generation_id}}/events", person.token),
        (f"{one}/events", person.token),
        ("/api/v1/projects/{project_id}/events", project.owner.token),
        ("/api/v1/usage", person.token),
        ("/api/v1/auth/me", {}),
    ):
        url = path.format(generation_id=generation, project_id=project.id)
        declared = served["paths"][path]["get"]["responses"]
        for accept in ("*/*", "application/json", "application/problem+json", "application/x-ndjson", "text/csv"):
            async with gateway.client.get(url, headers={**headers, "Accept": accept}) as answer:
                content = resolved(served, declared.get(str(answer.status), declared["default"]))["content"]
                assert answer.content_type in content, (path, accept)


def resolved(served: Any, response: Any) -> Any:
    """Follow the reference of a refusal that several operations share."""
    *_, name = response.get("$ref", "").split("/")
    return served["components"]["responses"][name] if name else response


async def test_every_refusal_has_a_declared_status_and_a_code_of_it(gateway: GatewayHarness) -> None:
    """Each operation is called by each kind of caller, with ids that exist and ids that do not."""
    person = await gateway.person()
    generation = await gateway.completed(person)
    _, key = await gateway.access_key(person)
    own = {"generation_id": generation, "project_id": person.owned_project.id, "user_id": person.id}
    callers: tuple[Mapping[str, str], ...] = (
        person.headers,
        key,
        person.owned_project.owner.token,
        await gateway.staff(Role.AUDITOR),
        {},
    )
    for operation in OPERATIONS:
        for ids, headers in itertools.product((own, {}), callers):
            path = _path_of(operation, ids)
            if operation.method == "delete" and ids:
                continue
            await gateway.call(operation.method.upper(), path, headers, _odd(operation))
    assert not PROBLEMS, "\n".join(PROBLEMS[:20])


def _path_of(operation: Operation, ids: Mapping[str, str]) -> str:
    """Put ids into a path, and one that does not exist where none is given."""
    return re.sub(r"\{(\w+)\}", lambda name: {**_NAMES, **ids}.get(name[1], UNKNOWN), operation.path)


_NAMES = {"number": "0", "consumer": "billing", "provider": "replicate"}


def _odd(operation: Operation) -> Any:
    """Return a body that no operation accepts; none where none is read."""
    return {"unknown": 1} if operation.body is not None else None


async def test_the_form_requires_pictures_and_a_json_object(served: Any) -> None:
    form = served["paths"][SUBMIT]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    checked, picture = Draft202012Validator(form), {"example_images": ["..."]}
    assert checked.is_valid({"instructions": "{}", **picture})
    assert checked.is_valid({"instructions": "{}", "from_generation": ["..."]})
    assert not checked.is_valid({"instructions": "{}"})
    assert not checked.is_valid(picture)
    instructions = form["properties"]["instructions"]
    assert instructions["contentMediaType"] == "application/json"
    known = set(instructions["contentSchema"]["properties"])
    assert known == {"prompt", "composition", *rules(Ceilings())}
    assert set(form["properties"]) == (IMAGE_FIELDS | set(TEXT_FIELDS)) - {"_charset_"}


@pytest.mark.parametrize("query", ["by=user&by=day", "from=2026-01-01&from=2026-01-02", "format=csv&format=csv"])
async def test_a_repeated_usage_parameter_is_refused(gateway: GatewayHarness, query: str) -> None:
    owner = await gateway.owner()
    status, body = await gateway.get(f"/api/v1/usage?{query}", owner.token)
    assert (status, body["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])
    status, body = await gateway.get("/api/v1/usage?by=user,day", owner.token)
    assert (status, body["by"]) == (200, ["user", "day"])


async def test_a_project_above_the_limit_gets_400_with_the_limit(gateway: GatewayHarness) -> None:
    owner = await gateway.owner("free_starter")
    for number in range(3):
        assert (await gateway.call("POST", "/api/v1/projects", owner.token, {"name": str(number)}))[0] == 201
    status, body = await gateway.call("POST", "/api/v1/projects", owner.token, {"name": "4"})
    assert (status, body["code"]) == (400, "project_limit_exceeded")
    assert body["detail"] == "Maximum of 3 projects reached for tier free_starter"
