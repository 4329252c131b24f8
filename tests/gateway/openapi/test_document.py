"""The served OpenAPI document matches the routes and responses of the gateway."""

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import FormData
from jsonschema import Draft202012Validator

from domain.accounts.access import Role
from domain.paths import SUBMIT
from domain.submission.model_inputs import Ceilings, rules
from gateway.openapi.operation import Operation
from gateway.routes import OPERATIONS
from gateway.submissions.uploads.parts import IMAGE_FIELDS, TEXT_FIELDS
from tests.gateway.test_tenant_isolation import UNKNOWN, routes_of
from tests.systems.gateway import CAUSE, OPERATOR_KEY, PASSWORD
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = json.loads((Path(__file__).parents[2] / "journeys/cloud-api.openapi.json").read_text())
NOT_SERVED = {
    ("post", "/api/v1/auth/verify-email"),
    ("post", "/api/v1/auth/request-verification"),
}
"""Operations of the public file that need e-mail, which the product does not send."""
VALIDATORS: dict[str, Draft202012Validator] = {}


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
    for schema in served["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


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


async def test_responses_match_their_schemas(gateway: GatewayHarness, served: Any) -> None:
    person = await gateway.person()
    owner, owned_project = person.owned_project.owner, person.owned_project
    generation = await gateway.completed(person)
    await gateway.changes.update_project(owner.id, owned_project.id, {"description": "d"}, cause=CAUSE)
    project, one = "/api/v1/projects/{project_id}", "/api/v1/generation/generations-v2"
    login = {"email": owner.email, "password": PASSWORD}
    auditor = await gateway.staff(Role.AUDITOR)
    access_keys = f"{project}/users/{{user_id}}/access-keys"
    ids = {"project_id": owned_project.id, "user_id": person.id, "generation_id": generation, "developer_id": owner.id}
    for method, path, headers, body in (
        ("post", "/api/v1/auth/login", {}, login),
        ("get", "/api/v1/auth/me", person.token, None),
        ("get", "/api/v1/auth/developer-keys", owner.token, None),
        ("post", "/api/v1/auth/developer-keys", owner.token, {}),
        ("post", "/api/v1/projects", owner.token, {"name": "another"}),
        ("get", "/api/v1/projects", owner.token, None),
        ("get", project, owner.token, None),
        ("get", f"{project}/users", owner.token, None),
        ("get", f"{project}/api-keys", owner.token, None),
        ("post", access_keys, owner.token, {"expires_at": "2999-01-01T00:00:00Z"}),
        ("get", access_keys, owner.token, None),
        ("get", f"{project}/generations", owner.token, None),
        ("get", "/api/v1/usage", owner.token, None),
        ("get", "/api/v1/developers", {"X-Operator-Key": OPERATOR_KEY}, None),
        ("get", "/api/v1/usage", person.token, None),
        ("get", "/api/v1/developers/{developer_id}/history", auditor, None),
        ("get", f"{one}/{{generation_id}}", person.token, None),
        ("get", one, person.token, None),
        ("get", "/api/v1/platform/history", auditor, None),
    ):
        status, answer = await gateway.call(method.upper(), path.format(**ids), headers, body)
        declared = served["paths"][path][method]["responses"]
        assert str(status) in declared, (method, path, answer)
        schema = declared[str(status)]["content"]["application/json"]["schema"]
        validator_of(served, schema).validate(answer)


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
                if "schema" in content[answer.content_type]:
                    schema = content[answer.content_type]["schema"]
                    validator_of(served, schema).validate(json.loads(await answer.text()))


def resolved(served: Any, response: Any) -> Any:
    """Follow the reference of a refusal that several operations share."""
    *_, name = response.get("$ref", "").split("/")
    return served["components"]["responses"][name] if name else response


def problems(served: Any, method: str, path: str, status: int, body: Any) -> list[str]:
    """List what is wrong with an answer by what the document says of the operation."""
    declared = served["paths"][path][method]["responses"]
    if str(status) not in declared:
        return [f"{method} {path} does not declare {status} {body}"]
    content = resolved(served, declared[str(status)]).get("content")
    if content is None or "schema" not in content.get("application/json", {}):
        return []
    validator = validator_of(served, content["application/json"]["schema"])
    return [f"{method} {path} {status}: {one.message}" for one in validator.iter_errors(body)]


def validator_of(served: Any, schema: Any) -> Draft202012Validator:
    """Make one validator of each schema, as it reads all components; the document never changes."""
    name = json.dumps(schema)
    if name not in VALIDATORS:
        VALIDATORS[name] = Draft202012Validator({**schema, "components": served["components"]})
    return VALIDATORS[name]


async def test_every_refusal_has_a_declared_status_and_a_code_of_it(gateway: GatewayHarness, served: Any) -> None:
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
    wrong: list[str] = []
    for operation in OPERATIONS:
        for ids, headers in itertools.product((own, {}), callers):
            path = _path_of(operation, ids)
            if operation.method == "delete" and ids:
                continue
            status, body = await gateway.call(operation.method.upper(), path, headers, _odd(operation))
            if status >= 400:
                wrong += problems(served, operation.method, operation.path, status, body)
    assert not wrong, "\n".join(wrong[:20])


def _path_of(operation: Operation, ids: Mapping[str, str]) -> str:
    """Put ids into a path, and one that does not exist where none is given."""
    return re.sub(r"\{(\w+)\}", lambda name: {**_NAMES, **ids}.get(name[1], UNKNOWN), operation.path)


_NAMES = {"number": "0", "consumer": "billing", "provider": "replicate"}


def _odd(operation: Operation) -> Any:
    """Return a body that no operation accepts; none where none is read."""
    return {"unknown": 1} if operation.body is not None else None


async def test_a_submission_and_its_dry_run_are_as_documented(gateway: GatewayHarness, served: Any) -> None:
    person = await gateway.person()
    for query, status in (("", 202), ("?dry_run=true", 200)):
        form = FormData()
        form.add_field("example_images", gateway.picture, filename="a.jpg")
        form.add_field("instructions", json.dumps({"prompt": "a cat"}))
        async with gateway.client.post(SUBMIT + query, data=form, headers=person.headers) as answer:
            body = await answer.json()
            assert answer.status == status, body
        assert not problems(served, "post", SUBMIT, status, body)


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


async def test_errors_match_the_error_schema(gateway: GatewayHarness, served: Any) -> None:
    schema = {"$ref": "#/components/schemas/Error", "components": served["components"]}
    for path, headers in (("/api/v1/auth/me", {}), ("/api/v1/projects/users?page=0", None)):
        who = headers if headers is not None else (await gateway.owner()).token
        _, body = await gateway.get(path, who)
        Draft202012Validator(schema).validate(body)


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
