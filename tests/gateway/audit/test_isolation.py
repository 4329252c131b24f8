"""A developer never reads another's event: every audit route, format and filter, for every role."""

import itertools
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from pydantic import BaseModel

from gateway.openapi.operation import Operation
from gateway.routes import OPERATIONS
from tests.gateway.audit.conftest import ACCESSES, EVENTS, AuditHarness, Event

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORMATS = {"json": "application/json", "ndjson": "application/x-ndjson"}


async def read(audit: AuditHarness, path: str, headers: dict[str, str]) -> tuple[int, str]:
    async with audit.gateway.client.get(path, headers=headers) as answer:
        return answer.status, await answer.text()


def marks_of(audit: AuditHarness, number: int) -> list[str]:
    """List ids and texts that belong to one developer alone."""
    person = audit.people[number]
    project, owner = person.owned_project, person.owned_project.owner
    return [person.id, person.mark, project.id, project.key_id, owner.id, owner.key_id, audit.generations[number]]


async def test_a_developer_reads_all_of_their_own_events(audit: AuditHarness) -> None:
    for number, owner in enumerate(audit.owners[:2]):
        person, generation = audit.people[number], audit.generations[number]
        expected = [event["id"] for event in await audit.all() if is_of(event, owner.id, generation)]
        read_by_owner = await audit.all(owner.token, limit=3)
        assert [event["id"] for event in read_by_owner] == expected
        types = {event["type"] for event in read_by_owner}
        assert {"generation.requested", "generation.completed", "developer.user_registered"} <= types
        assert {event["owner"]["user"] for event in read_by_owner} == {None, person.id}


def is_of(event: Event, developer: str, generation: str) -> bool:
    return event["stream"] in (f"developer-{developer}", f"generation-{generation}")


@pytest.mark.parametrize("accept", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("order", ["forward", "backward"])
async def test_no_format_and_order_shows_what_is_of_another(audit: AuditHarness, accept: str, order: str) -> None:
    for own, other in itertools.permutations(range(2)):
        headers = {**audit.owners[own].token, "Accept": accept}
        status, text = await read(audit, f"{EVENTS}?order={order}&limit=500&personal_data=true", headers)
        assert status == 200
        assert all(mark in text for mark in (audit.generations[own], audit.people[own].mark))
        assert [mark for mark in marks_of(audit, other) if mark in text] == []


@pytest.mark.parametrize("accept", FORMATS.values(), ids=FORMATS)
async def test_a_foreign_id_looks_like_an_unknown_one(audit: AuditHarness, accept: str) -> None:
    for own, other in itertools.permutations(range(2)):
        person = audit.people[other]
        foreign = {
            "generation_id": audit.generations[other],
            "project_id": person.owned_project.id,
            "user_id": person.id,
        }
        headers = {**audit.owners[own].token, "Accept": accept}
        for name, value in foreign.items():
            for more in ({}, {"type": "generation.completed"}, {"user_id": audit.people[own].id} | {name: value}):
                status, text = await read(audit, f"{EVENTS}?{urlencode({name: value, **more})}", headers)
                assert status == 404
                assert '"code":"not_found"' in text


async def test_filters_by_what_is_no_id_find_nothing_of_another(audit: AuditHarness) -> None:
    for own, other in itertools.permutations(range(2)):
        [requested] = await audit.all(generation_id=audit.generations[other], type="generation.requested")
        for name in ("request_id", "correlation_id", "actor"):
            found = await audit.all(audit.owners[own].token, **{name: requested[name]})
            assert found == [], name


QUERIES = ("after", "before", "recorded_from", "recorded_before", "order", "limit", "consumer", "type", "actor",
           "personal_data", "number", "as_of", "since", "size", "from", "to")  # fmt: skip
"""Parameters that name nobody; any other is tried with what is another developer's."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoints(audit: AuditHarness) -> list[str]:
    """Register an endpoint of each developer."""
    made = list[str]()
    for person in audit.people[:2]:
        project, sent = person.owned_project, {"url": "https://example.com/hook"}
        path = f"/api/v1/projects/{project.id}/webhooks"
        status, body = await audit.gateway.call("POST", path, project.owner.token, sent)
        assert status == 201, body
        made.append(str(body["id"]))
    await audit.seal()
    return made


def audit_operations() -> list[Operation]:
    """List every audit route, so that a new one is tried without being named here."""
    found = [one for one in OPERATIONS if one.route.startswith("/api/v1/audit/")]
    assert len(found) >= 16
    return found


def foreign_values(audit: AuditHarness, endpoints: Sequence[str], number: int) -> dict[str, str]:
    """Map parameters of paths and queries to what is a developer's own."""
    person, generation = audit.people[number], audit.generations[number]
    return {
        "generation_id": generation,
        "developer_id": person.owned_project.owner.id,
        "project_id": person.owned_project.id,
        "user_id": person.id,
        "endpoint_id": endpoints[number],
        "correlation_id": f"generation-{generation}",
        "request_id": "foreign",
        "event": f"generation-{generation}:1",
        "consumer": "billing",
    }


def names_of(query: type[BaseModel] | Sequence[str]) -> list[str]:
    if isinstance(query, type):
        return [field.alias or name for name, field in query.model_fields.items()]
    return [*query]


def requests_of(operation: Operation, values: dict[str, str]) -> Iterator[str]:
    """Write the paths that ask an operation for what is another's: without a query, and with each parameter."""
    path = operation.path.format(**values)
    names = names_of(operation.query)
    unknown = set(names) - {*QUERIES, *values}
    assert not unknown, f"{operation.route}: say here what is another developer's value of {unknown}"
    yield path
    yield from (f"{path}?{urlencode({name: values[name]})}" for name in names if name in values)


@pytest.mark.parametrize("operation", audit_operations(), ids=lambda one: f"{one.method} {one.path}")
async def test_no_audit_route_shows_what_is_of_another(
    audit: AuditHarness, endpoints: list[str], operation: Operation
) -> None:
    for own, other in itertools.permutations(range(2)):
        values = foreign_values(audit, endpoints, other)
        for path in requests_of(operation, values):
            for headers in (audit.owners[own].token, audit.people[own].token):
                sent = None if operation.method == "get" else {"position": 0}
                async with audit.gateway.client.request(operation.method, path, headers=headers, json=sent) as answer:
                    text = await answer.text()
                marks = [*marks_of(audit, other), endpoints[other]]
                assert answer.status < 500, (path, text)
                assert [mark for mark in marks if mark in text] == [], path


async def test_a_user_sees_no_other_in_the_accesses(audit: AuditHarness) -> None:
    for number in range(2):
        await audit.page(generation_id=audit.generations[number])
    await audit.seal()
    for own, other in itertools.permutations(range(2)):
        for headers in (audit.people[own].token, audit.owners[own].token):
            status, text = await read(audit, ACCESSES, headers)
            assert status == 200
            assert audit.generations[own] in text
            assert [mark for mark in marks_of(audit, other) if mark in text] == []
