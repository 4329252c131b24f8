"""A log that was written under an older schema version replays like one that is written today.

No type of the catalogue has an older version yet, so progress gets one here: version 1, as stored so far, counted in
percent; version 2 counts the tenths that are done. The stored bytes are those of version 1.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.audit.canonical_state import state_digest
from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from events import catalogue, envelope
from events.catalogue import CATALOGUE, Catalogue
from events.commit import Commit, commit_from
from events.envelope import Cause
from events.event import Event
from events.event_type import EventType
from events.invocation import GenerationProgressed
from store.commits import document
from store.commits.unreadable import UnreadableCommit
from store.replay.fold_comparison import FoldComparison
from tests.builders.clock import Clock
from tests.builders.generation import TO_STARTED
from tests.stores import OpenStore, open_store

GOLDEN = Path(__file__).parents[2] / "events" / "golden" / "generation.progressed.v1.json"
CAUSE = Cause(actor="actor:test")


class ProgressedNow(GenerationProgressed, name="generation.progressed"):
    """Progress in version 2."""

    schema_version = 2
    tenths: int


def with_tenths(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "tenths": data["percent"] // 10}


NOW = EventType(sample=ProgressedNow(percent=50, tenths=5), subscribers=("projector",), upcasters=(with_tenths,))


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process know version 2."""
    rows = [NOW if row.name == NOW.name else row for row in CATALOGUE.rows]
    for module in (envelope, catalogue):
        monkeypatch.setattr(module, "CATALOGUE", Catalogue(rows))
    document._parsed.cache_clear()  # a new process has read nothing


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url, clock=Clock()) as store:
        store.set(timeouts=Timeouts())
        yield store


def test_the_golden_file_of_version_1_is_read_as_version_2(newer: None) -> None:
    [recorded] = commit_from(GOLDEN.read_bytes()).events
    assert recorded.event == ProgressedNow(percent=10, tenths=1)
    assert recorded.to_cloudevent()["dataschema"] == "urn:exemplar:event:generation.progressed:2"


async def state_of_one(store: OpenStore, name: str, progress: Event) -> tuple[int, Generation]:
    await store.events.append(stream_of(name), 0, [*TO_STARTED, progress], cause=CAUSE, time=Clock()())
    [stored] = await store.database["commits"].find({"stream": stream_of(name)}).to_list(None)
    version = 1 if b"generation.progressed:1" in stored["body"] else 2
    return version, fold_again(await store.events.read(stream_of(name)))


def fold_again(commits: list[Commit]) -> Generation:
    generation = fold(event for commit in commits for event in commit.events)
    assert generation is not None
    return replace(generation, id="any")


async def test_both_versions_fold_to_one_state(store: OpenStore, request: pytest.FixtureRequest) -> None:
    old, _ = await state_of_one(store, "g1", GenerationProgressed(percent=50))
    request.getfixturevalue("newer")
    new, state = await state_of_one(store, "g2", ProgressedNow(percent=50, tenths=5))
    assert (old, new) == (1, 2)
    again = fold_again(await store.events.read(stream_of("g1")))
    assert state_digest("any", 6, again) == state_digest("any", 6, state)
    found = list[UnreadableCommit]()
    report = await store.make(FoldComparison).of_stream(stream_of("g1"), on_unreadable=found.append)
    assert (report.events, found) == (6, [])


async def test_a_version_that_is_newer_than_the_code_is_unreadable(store: OpenStore) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rows = [NOW if row.name == NOW.name else row for row in CATALOGUE.rows]
        patch.setattr(envelope, "CATALOGUE", Catalogue(rows))
        await state_of_one(store, "g1", ProgressedNow(percent=50, tenths=5))
    document._parsed.cache_clear()
    found = list[UnreadableCommit]()
    await store.make(FoldComparison).of_stream(stream_of("g1"), on_unreadable=found.append)
    assert [(one.version, one.reason.partition(":")[0]) for one in found] == [(1, "UnknownEventError")]
