"""The log in pages: complete, in both directions, filtered, and cached where it is closed."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from events.commit import leaf_hash
from events.envelope import Cause
from events.webhook import WebhookDisabled, WebhookRegistered
from store.audit import audit_log
from tests.gateway.audit.conftest import CONSUMERS, EVENTS, AuditHarness, Event

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_stored_event_is_read_once_with_its_complete_envelope(audit: AuditHarness) -> None:
    events = await audit.all(limit=7)
    log = audit.gateway.store.database.get_collection("log")
    stored = {entry["_id"]: entry async for entry in log.find()}
    commits = audit.gateway.store.database.get_collection("commits")
    assert sorted({event["position"] for event in events}) == [event["position"] for event in dedupe(events)]
    for position, entry in stored.items():
        [commit] = await commits.find({"_id": entry["commit"]}).to_list(1)
        body = bytes(commit["body"])
        read = [event for event in events if event["position"] == position]
        if not read:
            assert entry["stream"].startswith("access-"), "the walk itself is behind it"
            continue
        assert [as_stored(event) for event in read] == json.loads(body)
        assert {event["body_hash"] for event in read} == {hashlib.sha256(body).hexdigest()}
        assert {event["leaf"] for event in read} == {base64.b64encode(leaf_hash(body)).decode()}
        assert {event["recorded_at"][:23] for event in read} == {entry["sealed_at"].isoformat()[:23]}
        assert {event["commit"] for event in read} == {entry["commit"]}


def dedupe(events: list[Event]) -> list[Event]:
    return list({event["position"]: event for event in events}.values())


def as_stored(event: Event) -> dict[str, Any]:
    """Write an event as its stored CloudEvent."""
    extensions = {
        "correlationid": event["correlation_id"],
        "causationid": event["cause"],
        "requestid": event["request_id"],
        "traceparent": event["traceparent"],
    }
    return {
        "specversion": "1.0",
        "id": event["id"],
        "source": "urn:exemplar",
        "type": event["type"],
        "subject": event["stream"],
        "time": event["occurred_at"],
        "datacontenttype": "application/json",
        "dataschema": f"urn:exemplar:event:{event['type']}:{event['schema_version']}",
        "data": event["data"],
        "stream": event["stream"],
        "version": event["version"],
        "actor": event["actor"],
        **{name: value for name, value in extensions.items() if value is not None},
    }


async def test_backward_is_forward_reversed(audit: AuditHarness) -> None:
    head = (await audit.page(limit=1, order="backward"))["events"][0]["position"]
    forward = await audit.all(limit=5, before=head + 1)
    backward = await audit.all(limit=4, before=head + 1, order="backward")
    positions = [event["position"] for event in dedupe(backward)]
    assert positions == sorted(positions, reverse=True)
    assert sorted(event["id"] for event in backward) == sorted(event["id"] for event in forward)


FILTERS: dict[str, Callable[[Event], Any]] = {
    "type": lambda event: event["type"],
    "actor": lambda event: event["actor"],
    "request_id": lambda event: event["request_id"],
    "correlation_id": lambda event: event["correlation_id"] or event["stream"],
    "generation_id": lambda event: event["stream"].removeprefix("generation-"),
    "project_id": lambda event: event["owner"]["project"],
    "user_id": lambda event: event["owner"]["user"],
}
"""What a parameter is compared with."""


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_chooses_exactly_the_events_that_have_its_value(audit: AuditHarness, name: str) -> None:
    everything = [event for event in await audit.all() if not event["stream"].startswith("access-")]
    one = next(event for event in everything if event["type"] == "generation.requested")
    value = FILTERS[name](one)
    expected = [event["id"] for event in everything if FILTERS[name](event) == value]
    assert 0 < len(expected) < len(everything)
    assert [event["id"] for event in await audit.all(None, **{name: value}, limit=2)] == expected


async def test_filters_hold_together(audit: AuditHarness) -> None:
    person, other = audit.people
    both = {"user_id": person.id, "type": "generation.completed"}
    assert [event["stream"] for event in await audit.all(None, **both)] == [f"generation-{audit.generations[0]}"]
    assert await audit.all(user_id=person.id, project_id=other.owned_project.id) == []


async def test_a_time_divides_the_log(audit: AuditHarness) -> None:
    await audit.add_developer()
    await audit.seal()
    before = await audit.page(limit=1, order="backward")
    moment = before["events"][0]["recorded_at"]
    everything = await audit.all(before=before["events"][0]["position"] + 1)
    earlier = await audit.all(recorded_before=moment)
    later = await audit.all(recorded_from=moment, before=before["events"][0]["position"] + 1)
    assert earlier
    assert later
    assert [event["id"] for event in earlier + later] == [event["id"] for event in everything]
    assert all(event["recorded_at"] < moment for event in earlier)


async def test_a_page_ends_with_a_whole_commit(audit: AuditHarness) -> None:
    completed = [event for event in await audit.all() if event["type"] == "generation.validated"]
    page = await audit.page(after=completed[0]["position"] - 1, limit=1)
    assert len(page["events"]) == 6, "the six events of one commit"
    assert page["continue"] == {"after": completed[0]["position"]}


async def test_a_closed_page_may_be_kept_for_good_and_an_open_one_is_asked_for_again(audit: AuditHarness) -> None:
    client = audit.gateway.client
    queries = {
        "limit=3": True,
        "before=3": True,
        "order=backward&before=9&limit=2": True,
        "after=3": False,
        "order=backward": False,
        "order=backward&limit=2": False,
    }
    for query, kept in queries.items():
        async with client.get(f"{EVENTS}?{query}", headers=audit.auditor) as answer:
            first = await answer.read()
            control, etag = answer.headers["Cache-Control"], answer.headers["ETag"]
        assert control.startswith("private")
        assert ("immutable" in control) is kept, query
        async with client.get(f"{EVENTS}?{query}", headers={**audit.auditor, "If-None-Match": etag}) as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (304, control)
        await audit.add_developer()
        await audit.seal()
        async with client.get(f"{EVENTS}?{query}", headers=audit.auditor) as answer:
            assert (await answer.read() == first) is kept, query


async def test_a_page_whose_position_is_not_in_its_url_is_not_kept(audit: AuditHarness) -> None:
    client = audit.gateway.client
    await audit.gateway.call("PUT", f"{CONSUMERS}/pages", audit.auditor, {"position": 1})
    for query, sent in (("limit=1&consumer=pages", {}), ("limit=1", {"Last-Event-ID": "2"})):
        async with client.get(f"{EVENTS}?{query}", headers={**audit.auditor, **sent}) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "private, no-cache", query
            assert "Last-Event-ID" in answer.headers["Vary"]


async def test_a_damaged_commit_is_named_and_its_page_is_not_kept(audit: AuditHarness) -> None:
    commits = audit.gateway.store.database.get_collection("commits")
    await audit.add_developer()
    await audit.seal()
    name = f"generation-{audit.generations[-1]}:1"
    [entry] = await audit.gateway.store.database.get_collection("log").find({"commit": name}).to_list(1)
    sound = await commits.find_one({"_id": name})
    assert sound is not None
    await commits.update_one({"_id": name}, {"$set": {"body": b"[]"}})
    query = f"?after={entry['_id'] - 1}&limit=1"
    async with audit.gateway.client.get(EVENTS + query, headers=audit.auditor) as answer:
        [event] = (await answer.json())["events"]
        assert "immutable" not in answer.headers["Cache-Control"]
    assert (event["position"], event["commit"], event["damaged"]) == (entry["_id"], name, True)
    await commits.replace_one({"_id": name}, sound)


async def test_a_developer_reads_what_the_platform_did_to_their_endpoint(audit: AuditHarness) -> None:
    owner, project = audit.owners[0], audit.people[0].owned_project.id
    path, sent = f"/api/v1/projects/{project}/webhooks", {"url": "https://example.com/hook"}
    _, endpoint = await audit.gateway.call("POST", path, owner.token, sent)
    stream, cause = f"webhook-{endpoint['id']}", Cause(actor="actor:delivery")
    events, now = audit.gateway.store.events, audit.gateway.clock()
    await audit.seal()
    await events.append(stream, 1, [WebhookDisabled(reason="gone")], cause=cause, time=now)
    await audit.seal()
    types = ["webhook.registered", "webhook.disabled"]
    queries: tuple[dict[str, Any], ...] = ({}, {"project_id": project})
    for query in queries:
        read = await audit.all(owner.token, **query)
        assert [event["type"] for event in read if event["stream"] == stream] == types
        assert {event["owner"]["developer"] for event in read if event["stream"] == stream} == {owner.id}
    assert not [event for event in await audit.all(audit.owners[1].token) if event["stream"] == stream]


async def test_an_endpoint_that_was_sealed_in_one_go_is_its_developer_s(audit: AuditHarness) -> None:
    stream, cause, now = "webhook-at-once", Cause(actor="actor:delivery"), audit.gateway.clock()
    owner, project = audit.owners[0].id, audit.people[0].owned_project.id
    registered = WebhookRegistered(
        developer=owner, project=project, url="0" * 64, event_types=("generation.completed",)
    )
    for version, event in enumerate((registered, WebhookDisabled(reason="gone"))):
        await audit.gateway.store.events.append(stream, version, [event], cause=cause, time=now)
    await audit.seal()
    read = await audit.all(audit.owners[0].token, correlation_id=stream)
    assert [event["type"] for event in read] == ["webhook.registered", "webhook.disabled"]


@pytest.mark.parametrize("order", ["forward", "backward"])
async def test_conditions_that_seldom_meet_are_walked_through_in_short_pages(
    audit: AuditHarness, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    project = audit.people[0].owned_project.id
    query: dict[str, Any] = {"project_id": project, "type": "generation.completed", "order": order}
    whole = await audit.all(**query)
    monkeypatch.setattr(audit_log, "MOST_LOOKED_AT", 1)
    assert (await audit.page(**query))["more"]
    assert await audit.all(**query) == whole
    assert [event["type"] for event in whole] == ["generation.completed"]
