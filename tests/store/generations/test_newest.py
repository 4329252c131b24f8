"""What was requested in the last moments, by the log itself."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.generation.listing import Scope
from store.adapters import create_indexes
from store.generations import newest
from store.generations.newest import NewestGenerations
from store.mongo.connection import Database

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINE, OTHERS, PROJECT, ELSEWHERE = Scope("p-1", "u-1"), Scope("p-1", "u-2"), Scope("p-1"), Scope("p-2", "u-1")


@pytest.fixture
async def generations(database: Database) -> NewestGenerations:
    await create_indexes(database, [NewestGenerations])
    return NewestGenerations(database)


def first_commit(name: str, scope: Scope, seconds: int, first: int = 1) -> dict[str, Any]:
    about = {"project": scope.project, "user": scope.user, "time": NOON + timedelta(seconds=seconds)}
    return {"_id": f"generation-{name}:{first}", "stream": f"generation-{name}", "first": first, **about}


async def store(database: Database, commits: Iterable[dict[str, Any]]) -> None:
    await database.get_collection("commits").insert_many(commits)


async def test_calls_at_the_same_time_share_a_query_and_get_their_own(
    database: Database, generations: NewestGenerations
) -> None:
    commits = [
        first_commit("a", MINE, 1),
        first_commit("b", OTHERS, 2),
        first_commit("c", MINE, 3),
        first_commit("d", ELSEWHERE, 4),
        first_commit("old", MINE, -5),
        first_commit("later", MINE, 9, first=2),
    ]
    await store(database, commits)
    asked = {MINE: 0, OTHERS: 0, PROJECT: -9, ELSEWHERE: 5, Scope("nobody"): 0}
    calls = [generations.since(NOON + timedelta(seconds=back), scope) for scope, back in asked.items()]
    together = await asyncio.gather(*calls)
    assert [[one.id for one in found] for found in together] == [["c", "a"], ["b"], ["c", "b", "a", "old"], [], []]
    for (scope, back), found in zip(asked.items(), together, strict=True):
        assert await generations.since(NOON + timedelta(seconds=back), scope) == found, "as when it is asked alone"


async def test_one_scope_with_much_keeps_nothing_from_another(
    database: Database, generations: NewestGenerations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "PAGE", 3)
    await store(database, [first_commit("x", MINE, 0), *(first_commit(f"y{n}", ELSEWHERE, 1 + n) for n in range(5))])
    calls = (generations.since(NOON, scope) for scope in (ELSEWHERE, MINE))
    assert [[one.id for one in found] for found in await asyncio.gather(*calls)] == [["y4", "y3", "y2"], ["x"]]
    older = await generations.since(NOON, ELSEWHERE, until=NOON + timedelta(seconds=3))
    assert [one.id for one in older] == ["y2", "y1", "y0"]
