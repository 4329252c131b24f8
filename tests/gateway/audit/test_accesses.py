"""Reading by staff is recorded, and users and developers see it."""

from typing import Any

import pytest

from domain.accounts.access import Role
from tests.gateway.audit.conftest import ACCESSES, EVENTS, AuditHarness
from tests.systems.gateway import OPERATOR_KEY
from tests.systems.gateway_harness import ONE

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def recorded(audit: AuditHarness, headers: dict[str, str]) -> list[Any]:
    """Read the events of a reader's stream of accesses."""
    found = await audit.gateway.store.events.read(f"access-{await reader_of(audit, headers)}")
    return [event for commit in found for event in commit.events]


async def reader_of(audit: AuditHarness, headers: dict[str, str]) -> str:
    if "X-Operator-Key" in headers:
        return "operator"
    _, body = await audit.gateway.get("/api/v1/auth/me", headers)
    return str(body["id"])


async def accesses(audit: AuditHarness, headers: dict[str, str], query: str = "limit=100") -> list[Any]:
    await audit.seal()
    status, body = await audit.gateway.get(f"{ACCESSES}?{query}", headers)
    assert status == 200, body
    return list(body["accesses"])


async def drain(audit: AuditHarness, headers: dict[str, str], accept: str, query: str = "") -> None:
    async with audit.gateway.client.get(f"{EVENTS}?{query}", headers={**headers, "Accept": accept}) as answer:
        assert answer.status == 200
        await answer.content.readline()


async def test_a_page_walk_a_connection_and_an_export_are_one_event_each(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    await audit.all(reader, limit=4)
    await audit.all(reader, limit=9, order="backward")
    await drain(audit, reader, "text/event-stream")
    await drain(audit, reader, "application/x-ndjson")
    await drain(audit, reader, "application/x-ndjson")
    events = await recorded(audit, reader)
    assert [event.event.form for event in events] == ["page_walk", "connection", "export", "export"]
    assert {event.cause.actor for event in events} == {f"auditor:{await reader_of(audit, reader)}"}


@pytest.mark.parametrize("update", [{"$set": {"body": b"[["}}, {"$unset": {"body": 1, "last": 1}}])
async def test_a_damaged_record_keeps_no_reader_out(audit: AuditHarness, update: dict[str, Any]) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    stream = f"access-{await reader_of(audit, reader)}"
    await audit.page(reader)
    await audit.page(reader, type="generation.failed")
    await audit.gateway.store.database.get_collection("commits").update_many({"stream": stream}, update)
    await audit.page(reader)
    await audit.page(reader)
    status, _ = await audit.gateway.get(f"{ONE}/{audit.generations[0]}/history", reader)
    assert status == 200
    stored = audit.gateway.store.database.get_collection("commits").find({"stream": stream}).sort("first", 1)
    assert [one["_id"].rpartition(":")[2] async for one in stored] == ["1", "2", "3", "4"], "a walk is recorded once"


async def test_each_query_is_a_walk_of_its_own(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    for query in ({}, {"type": "generation.failed"}, {"request_id": "r-1"}, {"request_id": "r-2"}, {}):
        await audit.page(reader, **query)
    events = await recorded(audit, reader)
    assert [event.event.filters for event in events] == [(), ("type",), ("request_id",), ("request_id",)]
    assert not any("r-1" in str(event.to_cloudevent()["data"]) for event in events), "a client's text is only hashed"


async def test_a_refused_reading_is_not_recorded(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    for query in ("after=999999999", "type=x", "personal_data=true"):
        assert (await audit.refusal(query, reader))[0] in (403, 422)
    assert await recorded(audit, reader) == []


async def test_users_and_developers_see_what_covers_them(audit: AuditHarness) -> None:
    reader, person = await audit.gateway.staff(Role.AUDITOR), audit.people[0]
    owner = person.owned_project.owner
    colleague = await audit.gateway.person(person.owned_project)
    await audit.seal()
    queries = {
        "all": {},
        "developer": None,
        "project": {"project_id": person.owned_project.id},
        "user": {"user_id": person.id},
        "generation": {"generation_id": audit.generations[0]},
    }
    for query in queries.values():
        if query is None:
            await audit.gateway.get(f"/api/v1/developers/{owner.id}/history", reader)
        else:
            await audit.page(reader, **query)
    name = f"auditor:{await reader_of(audit, reader)}"
    seen = {
        who: [one["scope"] for one in await accesses(audit, headers) if one["reader"] == name]
        for who, headers in (
            ("user", person.token),
            ("developer", owner.token),
            ("colleague", colleague.token),
            ("stranger", audit.people[1].token),
        )
    }
    assert seen == {
        "user": ["user", "user", "project", "developer", "all"],
        "developer": ["user", "user", "project", "developer", "all"],
        "colleague": ["project", "developer", "all"],
        "stranger": ["all"],
    }


async def test_histories_and_operators_are_recorded_too(audit: AuditHarness) -> None:
    generation, person = audit.generations[0], audit.people[0]
    for headers in (await audit.gateway.staff(Role.PLATFORM_OPERATOR), {"X-Operator-Key": OPERATOR_KEY}):
        status, _ = await audit.gateway.get(f"{ONE}/{generation}/history", headers)
        assert status == 200
        newest = (await accesses(audit, person.token))[0]
        assert (newest["generation"], newest["scope"], newest["form"]) == (generation, "user", "page_walk")
        assert newest["reader"].startswith("operator")


async def test_accesses_are_listed_in_pages_newest_first(audit: AuditHarness) -> None:
    person = audit.people[0]
    everything = await accesses(audit, person.token)
    pages, query = [], "limit=2"
    while query:
        _, body = await audit.gateway.get(f"{ACCESSES}?{query}", person.token)
        pages += body["accesses"]
        query = f"limit=2&before={body['next_before']}" if body["next_before"] else ""
    assert pages == everything
    assert len(everything) > 4


async def test_developers_read_unrecorded(audit: AuditHarness) -> None:
    owner = audit.owners[0]
    await audit.all(owner.token, limit=3)
    assert await audit.gateway.store.events.read(f"access-developer-{owner.id}") == []


async def test_nothing_is_read_if_the_access_cannot_be_recorded(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    commits = audit.gateway.store.database.get_collection("commits")
    stream = f"access-{await reader_of(audit, reader)}"
    validator = {"stream": {"$ne": stream}}
    await audit.gateway.store.database.command("collMod", commits.name, validator=validator)
    try:
        status, body = await audit.gateway.get(EVENTS, reader)
        assert status in (500, 503)
        assert "events" not in body
    finally:
        await audit.gateway.store.database.command("collMod", commits.name, validator={})
