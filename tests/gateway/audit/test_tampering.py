"""Whoever edits MongoDB directly neither shows an event to others nor passes off another one as sealed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from events.commit import leaf_hash
from tests.gateway.audit.conftest import ACCESSES, EVENTS, AuditHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

Document = dict[str, Any]
LINES = "application/x-ndjson"


@asynccontextmanager
async def edited(audit: AuditHarness, collection: str, where: Document, change: Document) -> AsyncIterator[Document]:
    """Edit a document as it is stored, and put it back in the end."""
    documents = audit.gateway.store.database[collection]
    found = await documents.find_one(where)
    assert found is not None
    await documents.update_one({"_id": found["_id"]}, change)
    yield found
    await documents.replace_one({"_id": found["_id"]}, found)


async def text(audit: AuditHarness, path: str, headers: dict[str, str], accept: str = "application/json") -> str:
    async with audit.gateway.client.get(path, headers={**headers, "Accept": accept}) as answer:
        assert answer.status == 200, path
        return await answer.text()


@pytest.mark.parametrize("accept", ["application/json", LINES])
async def test_an_added_owner_shows_nothing_to_them(audit: AuditHarness, accept: str) -> None:
    (_, other), generation = audit.owners[:2], audit.generations[0]
    where = {"commit": f"generation-{generation}:1"}
    async with edited(audit, "log", where, {"$push": {"terms": f"developer={other.id}"}}) as entry:
        for query in ("", f"&type=generation.requested&before={entry['_id'] + 1}", "&order=backward"):
            seen = await text(audit, f"{EVENTS}?limit=500{query}&personal_data=true", other.token, accept)
            assert generation not in seen
            assert audit.people[0].mark not in seen
        [event] = (await audit.page(after=entry["_id"] - 1, limit=1))["events"]
        assert (event["damaged"], event["position"]) == (True, entry["_id"])
        status, _ = await audit.gateway.get(f"/api/v1/audit/proof?event=generation-{generation}:1", other.token)
        assert status == 404
        assert generation not in await text(audit, f"/api/v1/audit/developers/{other.id}/quota", other.token)


async def test_a_commit_of_an_unknown_owner_shows_no_content_to_developers(audit: AuditHarness) -> None:
    await audit.add_developer()  # whose generation nobody has read, so that no process knows its owner
    await audit.seal()
    own, other, generation = audit.owners[-1], audit.owners[0], audit.generations[-1]
    first, second = (f"generation-{generation}:{number}" for number in (1, 2))
    commit = await audit.gateway.store.database["commits"].find_one({"_id": first})
    assert commit is not None
    forged = {"$set": {"body": commit["body"].replace(own.id.encode(), other.id.encode())}}
    added = {"$push": {"terms": f"developer={other.id}"}}
    async with edited(audit, "commits", {"_id": first}, forged), edited(audit, "log", {"commit": second}, added):
        [found] = [one for one in await audit.all(other.token, limit=500) if one["commit"] == second]
    assert set(found) == {"position", "recorded_at", "commit", "leaf", "damaged"}


async def test_a_changed_body_is_damaged_beside_its_leaf(audit: AuditHarness) -> None:
    name = f"generation-{audit.generations[0]}:1"
    commit = await audit.gateway.store.database["commits"].find_one({"_id": name})
    assert commit is not None
    body = commit["body"].replace(b'"tier":"', b'"tier":"x')
    async with edited(audit, "commits", {"_id": name}, {"$set": {"body": body, "leaf": leaf_hash(body)}}):
        for headers in (audit.auditor, audit.owners[0].token):
            found = [one for one in await audit.all(headers, limit=500) if one["commit"] == name]
            assert [set(one) for one in found] == [{"position", "recorded_at", "commit", "leaf", "damaged"}]
        later = [one for one in await audit.all(limit=500) if one.get("id") == f"generation-{audit.generations[0]}:2"]
        assert len(later) == 1, "staff read what follows a damaged commit"


async def test_a_view_of_a_changed_body_is_refused(audit: AuditHarness) -> None:
    generation, (own, other) = audit.generations[0], audit.owners[:2]
    name = f"generation-{generation}:1"
    commit = await audit.gateway.store.database["commits"].find_one({"_id": name})
    assert commit is not None
    body = commit["body"].replace(own.id.encode(), other.id.encode())
    async with edited(audit, "commits", {"_id": name}, {"$set": {"body": body, "leaf": leaf_hash(body)}}):
        for path in (f"/api/v1/audit/generations/{generation}", f"/api/v1/audit/generations/{generation}/diff?since=1"):
            status, answer = await audit.gateway.get(path, other.token)
            assert (status, answer["code"]) == (500, "damaged")


@pytest.mark.parametrize("field", ["sealed_at", "leaf", "stream"])
async def test_a_malformed_entry_is_damaged(audit: AuditHarness, field: str) -> None:
    where = {"commit": f"generation-{audit.generations[0]}:2"}
    async with edited(audit, "log", where, {"$unset": {field: ""}}) as entry:
        [event] = (await audit.page(after=entry["_id"] - 1, limit=1))["events"]
        assert (event["position"], event["damaged"]) == (entry["_id"], True)


async def test_an_access_is_shown_to_those_whom_it_names(audit: AuditHarness) -> None:
    generation, other = audit.generations[0], audit.people[1]
    await audit.page(generation_id=generation)
    await audit.seal()
    where = {"terms": "type=access.log_read", "commit": {"$regex": "^access-"}}
    entries = audit.gateway.store.database["log"].find(where).sort("_id", -1)
    [last] = await entries.to_list(1)
    async with edited(audit, "log", {"_id": last["_id"]}, {"$push": {"terms": f"read=user:{other.id}"}}):
        assert generation not in await text(audit, ACCESSES, other.token)
