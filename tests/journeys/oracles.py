"""What must be true of every system after everything that was done to it."""

import asyncio
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import aiohttp

from domain.generation import Generation, evolve, id_of
from domain.lifecycle import Patience, check
from events.commit import Commit
from store.log.rebuild import rebuild
from store.mongo.store import MongoStore
from tests.journeys.system import System, until
from tests.journeys.tenants import FILE_NAME, PASSWORD, PROMPT

PERSONAL = (
    *PROMPT.replace("'", " ").split(),
    PROMPT,
    FILE_NAME,
    PASSWORD,
    "@people.example",
    "@studios.example",
)
PATIENCE = Patience(hop=timedelta(seconds=1), claim=timedelta(seconds=3))


async def look(system: System) -> None:
    """Wait until everything has come to rest; fail if anything was lost, doubled, miscounted or told."""
    discreet(system)
    async with system.memory() as store:
        await until(lambda: _at_rest(store), "every generation is final and settled", within=60, every=0.3)
        streams = await _streams(store)
        generations = [_judged(commits) for commits in streams.values()]
        await _paid_once(system, generations)
        await _counted(store, generations)
        await until(lambda: _told(store), "every commit is published, sealed and projected", every=0.3)
        report = await rebuild(store.events, store.words, store.projection, PATIENCE, repair=False)
        assert not report.differing, f"rows differ from the log: {report.differing}"


def discreet(system: System) -> None:
    """Every line that a process logs is JSON, names its service, and holds no secret and nothing personal."""
    hidden = [word for word in (*system.hidden, *PERSONAL) if len(word) > 8]
    for file in sorted((system.home / "logs").glob("*.log")):
        text = file.read_text()
        for line in text.splitlines():
            told = json.loads(line)
            assert file.stem.endswith(told["service"])
            assert {"event", "level", "timestamp"} <= told.keys()
        assert [word for word in hidden if word.lower() in text.lower()] == [], file.name


async def history(system: System, generation: str) -> list[Commit]:
    """Read all commits of a generation, hidden events too."""
    async with system.memory() as store:
        return await store.events.read(f"generation-{generation}")


async def _streams(store: MongoStore) -> dict[str, list[Commit]]:
    streams: dict[str, list[Commit]] = defaultdict(list)
    async for commit in store.events.commits():
        if commit.stream.startswith("generation-"):
            streams[commit.stream].append(commit)
    return streams


async def _at_rest(store: MongoStore) -> bool:
    """L: accepted means final in the end, and its unit settled in the log."""
    judged = [_judged(commits) for commits in (await _streams(store)).values()]
    return all(generation.final and generation.quota != "held" for generation in judged)


def _judged(commits: list[Commit]) -> Generation:
    """T: fold a stream, every event checked against the state before it."""
    generation: Generation | None = None
    for recorded in (event for commit in commits for event in commit.events):
        check(generation, recorded.event)
        generation = evolve(generation, recorded)
    assert generation is not None
    return generation


async def _paid_once(system: System, generations: list[Generation]) -> None:
    """D: one creation for each generation, and one more for each lost or found out."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{system.sandbox_url}/_sandbox/creations") as answer,
    ):
        made = Counter(creation["generation"] for creation in (await answer.json())["creations"])
    for generation in generations:
        allowed = 1 + generation.lost + len(generation.duplicates)
        assert made[generation.id] <= allowed, f"{generation.id} was paid {made[generation.id]} times"


async def _counted(store: MongoStore, generations: list[Generation]) -> None:
    """Q: the counters equal a recount of the log, and no slot is held."""
    recount: Counter[tuple[str, str]] = Counter()
    for generation in generations:
        request = generation.request
        recount[request.owner.developer, request.period] += generation.quota != "released"
    for (developer, period), units in recount.items():
        account = await store.ledger.account(developer)
        assert not account.slots, f"{developer} still holds {account.slots}"
        assert account.used_in(period) == units


async def _told(store: MongoStore) -> bool:
    """Law 1 and 2: no outbox mark stays, and every stream's last commit has reached its row."""
    marked = await store.events.unpublished(before=datetime.now(UTC) + timedelta(hours=1), limit=10)
    newest = {id_of(stream): commits[-1].last for stream, commits in (await _streams(store)).items()}
    rows = await store.projection.versions(list(newest))
    sealed, commits = await asyncio.gather(store.log.head(), _count(store))
    return not marked and rows == newest and sealed == commits


async def _count(store: MongoStore) -> int:
    return sum([1 async for _ in store.events.commits()])
