"""A developer never reads another's event: every audit route, format and filter, for every role."""

import itertools
from urllib.parse import urlencode

import pytest

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
