"""What stands beside the positions: who may read an event, and who finds it, follows from the events alone."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.audit.checkpoints import ContradictionError
from domain.audit.event_filter import EventFilter
from domain.audit.terms import owning_streams, terms_of
from domain.generation.generation import stream_of
from events.catalogue import CATALOGUE
from events.commit import commit_of
from events.envelope import Cause, read_json
from events.invocation import GenerationProgressed
from store.audit import known_streams
from store.audit.audit_log import AuditLog
from store.audit.commit_check import terms_within
from store.audit.verification import verify
from store.replay.log_entries import LogEntries
from tests.store.audit.conftest import NOON
from tests.systems.derived_store import DerivedStore

Entry = dict[str, Any]


async def entries_of(derived: DerivedStore) -> list[Entry]:
    found: list[Entry] = await derived.system.store.database["log"].find().sort("_id").to_list(None)
    return found


async def differences(derived: DerivedStore) -> list[tuple[str, str, object, object]]:
    database = derived.system.store.database
    return [
        (one.key, one.field, one.log, one.stored)
        async for _, found in LogEntries(database).compare(1000)
        for one in found
    ]


async def position_of_fault(derived: DerivedStore) -> int | None:
    store, found = derived.system.store, None
    try:
        await verify(store.commit_scan, store.checkpoints, [], lambda *_: None)
    except ContradictionError as error:
        found = error
    assert found is None or str(found).startswith(f"position {found.position}: ")
    return None if found is None else found.position


async def test_every_kind_of_stream_has_the_terms_that_were_sealed(derived: DerivedStore) -> None:
    kinds = {entry["stream"].partition("-")[0] for entry in await entries_of(derived)}
    assert {"developer", "generation", "platform", "webhook"} <= kinds
    assert await differences(derived) == []
    assert await position_of_fault(derived) is None


async def test_owners_of_streams_that_were_forgotten_are_read_again(
    derived: DerivedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_streams, "KEPT", 1)
    assert await position_of_fault(derived) is None
    for entry in (await entries_of(derived))[::5]:
        changed = {"terms": sorted([*entry["terms"], "developer=dev-9"])}
        await derived.system.store.database["log"].update_one({"_id": entry["_id"]}, {"$set": changed})
        assert await position_of_fault(derived) == entry["_id"]
        await derived.system.store.database["log"].replace_one({"_id": entry["_id"]}, entry)


CHANGES: dict[str, Callable[[Entry], Entry]] = {
    "removed": lambda entry: {"terms": entry["terms"][1:]},
    "added": lambda entry: {"terms": sorted([*entry["terms"], "developer=dev-9"])},
    "replaced": lambda entry: {"terms": [*entry["terms"][:-1], "user=usr-9"]},
    "none": lambda _: {"terms": None},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_term_is_found_at_its_position(derived: DerivedStore, change: str) -> None:
    """At every position by one of the changes."""
    log, first = derived.system.store.database["log"], [*CHANGES].index(change)
    for entry in (await entries_of(derived))[first :: len(CHANGES)]:
        await log.update_one({"_id": entry["_id"]}, {"$set": CHANGES[change](entry)})
        assert await position_of_fault(derived) == entry["_id"]
        assert {key for key, *_ in await differences(derived)} == {f"position {entry['_id']}"}
        await log.replace_one({"_id": entry["_id"]}, entry)


async def test_a_difference_names_the_terms_that_are_missing_and_added(derived: DerivedStore) -> None:
    entry = (await entries_of(derived))[-1]
    changed = [*entry["terms"][1:], "user=usr-9"]
    await derived.system.store.database["log"].update_one({"_id": entry["_id"]}, {"$set": {"terms": changed}})
    assert await differences(derived) == [(f"position {entry['_id']}", "terms", entry["terms"][:1], ["user=usr-9"])]
    report = await derived.compare()
    assert [(one.model, one.field) for one in report.differences] == [("log", "terms")]


@pytest.mark.parametrize("field", ["leaf", "stream", "developer", "sealed_at", "commit"])
async def test_each_field_beside_a_position_is_compared(derived: DerivedStore, field: str) -> None:
    entry = next(one for one in await entries_of(derived) if one["commit"] == f"{stream_of('g0')}:2")
    await derived.system.store.database["log"].update_one({"_id": entry["_id"]}, {"$unset": {field: ""}})
    [found] = await differences(derived)
    assert found[0] == f"position {entry['_id']}"


async def test_a_generation_sealed_behind_an_event_that_names_it_lends_it_no_owner(derived: DerivedStore) -> None:
    """The clocks of two writers may differ: then the log may have the delivery before the generation."""
    store, cause = derived.system.store, Cause(actor="actor:test", correlation_id=stream_of("late"))
    await store.events.append("webhook-e9-late", 0, [GenerationProgressed(percent=1)], cause=cause, time=NOON)
    await derived.seal()
    first = (await store.events.read(stream_of("g0")))[0]
    await store.events.append(stream_of("late"), 0, [first.events[0].event], cause=Cause(actor="user:u"), time=NOON)
    await derived.seal()
    assert await differences(derived) == []
    assert await position_of_fault(derived) is None
    early = next(one for one in await entries_of(derived) if one["stream"] == "webhook-e9-late")
    assert not [one for one in early["terms"] if one.startswith("developer=")]
    log = store.database["log"]
    await log.update_one({"_id": early["_id"]}, {"$set": {"terms": sorted([*early["terms"], "developer=dev-9"])}})
    assert await position_of_fault(derived) == early["_id"]


async def test_a_search_shows_no_event_by_a_term_that_it_does_not_have(derived: DerivedStore) -> None:
    log, audit = derived.system.store.database["log"], AuditLog(derived.system.store.database)
    entry = (await entries_of(derived))[-1]
    await log.update_one({"_id": entry["_id"]}, {"$push": {"terms": "project=prj-9"}})
    assert await audit.terms_of_first("project=prj-9") == []
    with pytest.raises(ContradictionError, match=f"position {entry['_id']}: its terms are not those of its events"):
        await audit.bodies(EventFilter(project="prj-9"), 1, 1000, limit=10)


async def test_an_owner_is_told_by_the_first_commit_only_while_that_is_the_sealed_one(derived: DerivedStore) -> None:
    store, name = derived.system.store, f"{stream_of('g0')}:1"
    first = await store.database["commits"].find_one({"_id": name})
    assert first is not None
    forged = first["body"].replace(b"dev-1", b"dev-9")
    await store.database["commits"].update_one({"_id": name}, {"$set": {"body": forged}})
    found = await AuditLog(store.database).with_any([f"correlation_id={stream_of('g0')}"], before=1000, limit=100)
    assert {entry.owner_known for entry in found if entry.commit is not None} == {False}
    assert [entry.commit for entry in found if entry.name == name] == [None]


@pytest.mark.parametrize("cause", [
    Cause(actor="actor:a"),
    Cause(actor="developer:dev-2", request_id="r=1", correlation_id="generation-x", causation_id="y:1"),
    Cause(actor="user:u", request_id='a"b\\', correlation_id="generation-x", traceparent="00-1-2-01"),
    Cause(actor="\u00e9", correlation_id="webhook-x"),
])  # fmt: skip
def test_terms_read_from_the_ends_of_a_body_are_those_of_the_whole(cause: Cause) -> None:
    for row in CATALOGUE.rows:
        for stream in ("generation-g", "developer-d", "webhook-e", "a"):
            for count in (1, 3):
                body = commit_of(stream, 4, [row.sample] * count, cause=cause, time=NOON, writer="w").body
                beside = {"stream": stream, "first": 5, "last": 4 + count, "types": [row.sample.type] * count}
                found = terms_within({**beside, "time": NOON.replace(tzinfo=None), "body": body})
                assert found is not None
                assert list(found.own) == terms_of(read_json(body), {}), (row, stream)
                correlations = {cause.correlation_id or stream}
                assert list(found.streams) == owning_streams(stream, row.sample.type, correlations)
