"""Personal data in the log over HTTP: masked, unless they were asked for and granted."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.accounts.platform import PersonalDataGrant
from tests.gateway.audit.conftest import ACCESSES, EVENTS, AuditHarness
from tests.systems.gateway import CAUSE, OPERATOR_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def granted(
    audit: AuditHarness, role: Role = Role.AUDITOR, **span: int
) -> tuple[dict[str, str], PersonalDataGrant]:
    """Make a member of staff with a grant that ends after a span."""
    headers = await audit.gateway.staff(role)
    _, account = await audit.gateway.get("/api/v1/auth/me", headers)
    grant = PersonalDataGrant(f"g-{account['id']}", audit.gateway.clock() + timedelta(**span), "incident", "INC-7")
    await audit.gateway.store.platform_changes.grant_access(account["id"], grant, cause=CAUSE)
    return headers, grant


async def requested(audit: AuditHarness, headers: dict[str, str], **query: Any) -> Any:
    page = await audit.page(headers, generation_id=audit.generations[0], type="generation.requested", **query)
    return page["events"][0]["personal_data"]


async def test_personal_data_are_masked(audit: AuditHarness) -> None:
    with_grant, _ = await granted(audit, hours=1)
    for headers in (audit.auditor, with_grant, audit.owners[0].token, {"X-Operator-Key": OPERATOR_KEY}):
        assert await requested(audit, headers) == {"state": "masked"}
    events = await audit.all(with_grant)
    texts = str([event for event in events if not event["stream"].startswith("platform")])
    assert not any(person.mark in texts for person in audit.people)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.PLATFORM_OPERATOR])
async def test_a_grant_shows_what_is_asked_for(audit: AuditHarness, role: Role) -> None:
    headers, _ = await granted(audit, role, hours=1)
    shown = await requested(audit, headers, personal_data="true")
    assert shown["state"] == "shown"
    assert audit.people[0].mark in shown["instructions"]
    assert shown["file_names"] == [f"{audit.people[0].mark}.jpg"]


async def test_damaged_personal_data_are_named_and_end_no_export(audit: AuditHarness) -> None:
    documents = audit.gateway.store.database.get_collection("personal_data")
    headers, owned = audit.owners[0].token, {"generation": audit.generations[0]}
    sound = await documents.find_one(owned)
    assert sound is not None
    await documents.update_one(owned, {"$set": {"metadata": "{"}})
    assert await requested(audit, headers, personal_data="true") == {"state": "damaged"}
    sent = {**headers, "Accept": "application/x-ndjson"}
    async with audit.gateway.client.get(f"{EVENTS}?personal_data=true", headers=sent) as answer:
        lines = [json.loads(line) async for line in answer.content]
    assert lines[-1]["type"] == "caught_up"
    await documents.replace_one(owned, sound)
    assert (await requested(audit, headers, personal_data="true"))["state"] == "shown"


async def test_odd_grants_are_left_out_and_concern_nobody_else(audit: AuditHarness) -> None:
    headers, grant = await granted(audit, hours=1)
    _, sound = await granted(audit, hours=1)
    name, other = (one.id.removeprefix("g-") for one in (grant, sound))
    staff = audit.gateway.store.database.get_collection("staff")
    await staff.update_one({"_id": name}, {"$set": {"grants.0.added_later": 1}})
    await staff.update_one(
        {"_id": name},
        {"$push": {"grants": {"$each": [{"id": "g-1"}, 5, {"id": "g-2", "until": 5, "reason": "audit"}]}}},
    )
    assert (await requested(audit, headers, personal_data="true"))["state"] == "shown"
    states = audit.gateway.store.accounts.states
    nobody: Any = {"projects": (), "users": (), "developers": (), "key_hashes": ()}
    found = (await states.read(staff=(name, other), **nobody)).staff
    assert {one: [each.id for each in state.grants] for one, state in found.items()} == {
        name: [grant.id],
        other: [sound.id],
    }
    await staff.update_one({"_id": name}, {"$set": {"role": "role_of_newer_code"}})
    assert set((await states.read(staff=(name, other), **nobody)).staff) == {other}


async def test_developers_see_those_of_their_users(audit: AuditHarness) -> None:
    shown = await requested(audit, audit.owners[0].token, personal_data="true")
    assert audit.people[0].mark in shown["instructions"]


async def test_without_a_valid_grant_the_request_is_refused(audit: AuditHarness) -> None:
    ended, grant = await granted(audit, hours=1)
    await audit.gateway.store.platform_changes.end_grant(grant.id.removeprefix("g-"), grant.id, cause=CAUSE)
    expired, _ = await granted(audit, seconds=-1)
    for headers in (audit.auditor, ended, expired, {"X-Operator-Key": OPERATOR_KEY}):
        assert await audit.refusal("personal_data=true", headers) == (403, "grant_required")


async def test_no_cache_stores_personal_data(audit: AuditHarness) -> None:
    headers, _ = await granted(audit, hours=1)
    for sent in (headers, audit.owners[0].token):
        async with audit.gateway.client.get(f"{EVENTS}?limit=1&personal_data=true", headers=sent) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert "ETag" not in answer.headers


async def test_what_was_shown_and_why_is_recorded(audit: AuditHarness) -> None:
    headers, grant = await granted(audit, hours=1)
    await requested(audit, headers, personal_data="true")
    await audit.seal()
    _, body = await audit.gateway.get(ACCESSES, audit.people[0].token)
    newest = body["accesses"][0]
    assert (newest["personal_data"], newest["reason"]) == (True, "incident")
    await requested(audit, headers)
    await audit.seal()
    _, body = await audit.gateway.get(ACCESSES, audit.people[0].token)
    assert (body["accesses"][0]["personal_data"], body["accesses"][0]["reason"]) == (False, None)
    events = await audit.gateway.store.platform_changes.history()
    assert {"staff": grant.id.removeprefix("g-"), "grant": grant.id, "reason": "incident", "case": "INC-7"}.items() <= (
        events[-1].event.model_dump().items()
    )


async def test_erased_personal_data_are_said_to_be_erased(audit: AuditHarness) -> None:
    await audit.add_developer()
    await audit.seal()
    await audit.gateway.store.personal_data.erase(audit.generations[-1])
    headers, _ = await granted(audit, hours=1)
    [event] = await audit.all(
        headers, generation_id=audit.generations[-1], type="generation.requested", personal_data="true"
    )
    assert event["personal_data"] == {"state": "erased"}
