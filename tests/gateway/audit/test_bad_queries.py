"""What the audit routes refuse, each with a code of the closed list."""

from uuid import uuid4

import pytest

from domain.accounts.access import Role
from tests.gateway.audit.conftest import ACCESSES, CONSUMERS, EVENTS, AuditHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

MALFORMED = [
    *(f"{name}={value}" for name in ("after", "before") for value in ("-1", "x", "1.0", "%201", "1e3", "", "9" * 16)),
    *("before=0", "limit=0", "limit=501", "limit=x", "order=sideways", "after=1&after=2"),
    *("type=generation", "type=", "type=generation.requested%00"),
    *(f"{name}_id={value}" for name in ("generation", "project", "user") for value in ("", "7", "..%2F", "g" * 36)),
    *(f"{name}={value}" for name in ("actor", "correlation_id", "request_id") for value in ("", "a%20b", "x" * 129)),
    *("actor=Ada", "actor=:x", "actor=user:", "correlation_id=-x", "correlation_id=Generation-x"),
    *(f"recorded_from={value}" for value in ("yesterday", "2026-11-20", "2026-11-20T12:00:00", "1700000000", "")),
    "recorded_before=2026-13-20T12:00:00Z",
    *(
        "personal_data=perhaps",
        "consumer=",
        "consumer=A",
        "consumer=..",
        "consumer=c&after=1",
        "consumer=c&order=backward",
    ),
]


@pytest.mark.parametrize("query", MALFORMED)
async def test_a_malformed_query_is_refused(audit: AuditHarness, query: str) -> None:
    assert await audit.refusal(query) == (422, "invalid_request")


@pytest.mark.parametrize("query", ["after={}", "before={}", "after={}&type=generation.failed"])
async def test_a_position_that_the_log_does_not_have_is_refused(audit: AuditHarness, query: str) -> None:
    await audit.seal()
    head = await audit.gateway.store.sealed_log.head()
    assert await audit.refusal(query.format(head + 3)) == (422, "unknown_position")


async def test_accesses_before_a_position_that_the_log_does_not_have_are_refused(audit: AuditHarness) -> None:
    head = await audit.gateway.store.sealed_log.head()
    status, body = await audit.gateway.get(f"{ACCESSES}?before={head + 1000}", audit.owners[0].token)
    assert (status, body["code"]) == (422, "unknown_position")


async def test_unknown_ids_that_are_well_formed_find_nothing(audit: AuditHarness) -> None:
    for query in ("actor=operator:quota%20check", "correlation_id=generation-x", "request_id=nobody"):
        status, body = await audit.gateway.get(f"{EVENTS}?{query}", audit.auditor)
        assert (status, body["events"]) == (200, [])


async def test_a_stream_refuses_an_unknown_or_malformed_last_event_id(audit: AuditHarness) -> None:
    for sent, code in (("999999999", "unknown_position"), ("x", "invalid_request")):
        headers = {**audit.auditor, "Accept": "text/event-stream", "Last-Event-ID": sent}
        status, body = await audit.gateway.get(EVENTS, headers)
        assert (status, body["code"]) == (422, code)


async def test_a_stream_goes_forward_only(audit: AuditHarness) -> None:
    stream = {**audit.auditor, "Accept": "text/event-stream"}
    assert await audit.refusal("order=backward", stream) == (422, "invalid_request")


@pytest.mark.parametrize("name", ["generation_id", "project_id", "user_id"])
async def test_an_id_that_the_log_does_not_have_is_not_found(audit: AuditHarness, name: str) -> None:
    assert await audit.refusal(f"{name}={uuid4()}") == (404, "not_found")
    _, body = await audit.gateway.get(f"{EVENTS}?{name}={uuid4()}", audit.auditor)
    assert body["detail"].startswith(f"The log has no such {name.removesuffix('_id')}")


async def test_end_users_read_accesses_only_and_staff_read_none(audit: AuditHarness) -> None:
    person, operator = audit.people[0], await audit.gateway.staff(Role.PLATFORM_OPERATOR)
    for path in (EVENTS, CONSUMERS):
        status, body = await audit.gateway.get(path, person.token)
        assert (status, body["code"]) == (403, "forbidden")
    for headers in (audit.auditor, operator):
        status, body = await audit.gateway.get(ACCESSES, headers)
        assert (status, body["code"]) == (403, "forbidden")
    for path in (EVENTS, f"{EVENTS}?after=x", CONSUMERS, ACCESSES):
        status, body = await audit.gateway.get(path)
        assert (status, body["code"]) == (401, "authorization_required")


@pytest.mark.parametrize("query", ["before=0", "before=x", "limit=101", "limit=0"])
async def test_a_malformed_page_of_accesses_is_refused(audit: AuditHarness, query: str) -> None:
    status, body = await audit.gateway.get(f"{ACCESSES}?{query}", audit.people[0].token)
    assert (status, body["code"]) == (422, "invalid_request")
