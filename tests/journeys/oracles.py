"""What must be true of every system after everything that was done to it."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from domain.generation.fold import check, evolve
from domain.generation.generation import Generation, id_of
from domain.generation.lifecycle import Timeouts
from events.commit import Commit
from store.generations.rebuild import rebuild
from store.mongo.store import MongoStore
from tests.journeys.paying import Life, paid_once
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
TIMEOUTS = Timeouts(redelivery=timedelta(seconds=1), claim=timedelta(seconds=3))


async def look(system: System) -> None:
    """Wait until everything has come to rest; fail if anything was lost, doubled, miscounted or told."""
    discreet(system)
    async with system.memory() as store:
        for oracle in ORACLES.values():
            await oracle(system, store)


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


async def _nothing_lost(_: System, store: MongoStore) -> None:
    """L: accepted means final in the end, and its unit settled in the log."""
    await until(lambda: _at_rest(store), "every generation is final and settled", within=60, every=0.3)


async def _at_rest(store: MongoStore) -> bool:
    judged = [_judged(commits) for commits in (await _streams(store)).values()]
    return all(generation.final and generation.quota != "held" for generation in judged)


def _judged(commits: list[Commit]) -> Generation:
    """Fold a stream, every event checked against the state before it."""
    generation: Generation | None = None
    for recorded in (event for commit in commits for event in commit.events):
        check(generation, recorded.event)
        assert recorded.cause.correlation_id == recorded.stream, f"{recorded.id} belongs to no chain"
        generation = evolve(generation, recorded)
    assert generation is not None
    return generation


async def _lawful(_: System, store: MongoStore) -> None:
    """T: every event was allowed in the state before it, and belongs to the chain that its stream began."""
    await _lives(store)


async def _paid(system: System, store: MongoStore) -> None:
    """D: nothing was paid twice, and what nobody wants was ended."""
    await paid_once(system, await _lives(store))


async def _lives(store: MongoStore) -> list[Life]:
    return [Life(_judged(commits), commits) for commits in (await _streams(store)).values()]


async def _counted(_: System, store: MongoStore) -> None:
    """Q: the counters equal a recount of the log, and no slot is held."""
    generations = [life.generation for life in await _lives(store)]
    recount: Counter[tuple[str, str]] = Counter()
    for generation in generations:
        request = generation.request
        recount[request.owner.developer, request.period] += generation.quota != "released"
    for (developer, period), units in recount.items():
        account = await store.ledger.account(developer)
        assert not account.slots, f"{developer} still holds {account.slots}"
        assert account.used_in(period) == units


async def _kept(system: System, store: MongoStore) -> None:
    """B: blobs, words and log agree."""
    generations = [life.generation for life in await _lives(store)]
    whole = [generation for generation in generations if generation.id not in system.stripped]
    await until(lambda: _agree(store, whole), "pictures and words agree with the log", every=0.3)


async def _agree(store: MongoStore, generations: list[Generation]) -> bool:
    """No picture without its words, nothing at all of what was erased, all of what was not."""
    database = store.client.get_default_database()
    blobs = await database.get_collection("blobs").find({}, {"generation": 1, "token": 1}).to_list(None)
    personal_data = await database.get_collection("personal_data").find({}, {"generation": 1}).to_list(None)
    said = {document["_id"] for document in personal_data}
    alone = [blob["_id"] for blob in blobs if f"{blob['generation']}/{blob['token']}" not in said]
    assert not alone, f"pictures without words: {alone}"
    kept = {blob["_id"] for blob in blobs}
    wanted = {
        f"{generation.id}/{digest}"
        for generation in generations
        if not generation.erased
        for digest in _digests(generation)
    }
    assert wanted <= kept, f"pictures that the log names are gone: {wanted - kept}"
    erased = {generation.id for generation in generations if generation.erased}
    return not erased & {document["generation"] for document in (*blobs, *personal_data)}


def _digests(generation: Generation) -> list[str]:
    examples = [example.digest for example in generation.request.examples]
    pictures = [picture.digest for picture in generation.pictures]
    return [*examples, *pictures, *([generation.validated.input_image] if generation.validated else [])]


async def _told(store: MongoStore) -> bool:
    """Law 1 and 2: no outbox mark stays, and every stream's last commit has reached its row."""
    marked = await store.events.unpublished(before=datetime.now(UTC) + timedelta(hours=1), limit=10)
    newest = {id_of(stream): commits[-1].last for stream, commits in (await _streams(store)).items()}
    rows = await store.projection.versions(list(newest))
    sealed, commits = await asyncio.gather(store.log.head(), _count(store))
    return not marked and rows == newest and sealed == commits


async def _derived(_: System, store: MongoStore) -> None:
    """R: everything derived from the log has reached its end, and a rebuild changes no row."""
    await until(lambda: _told(store), "every commit is published, sealed and projected", every=0.3)
    report = await rebuild(store.events, store.personal_data, store.projection, TIMEOUTS, repair=False)
    assert not report.differing, f"rows differ from the log: {report.differing}"


async def _count(store: MongoStore) -> int:
    return sum([1 async for _ in store.events.commits()])


Oracle = Callable[[System, MongoStore], Awaitable[None]]

ORACLES: Mapping[str, Oracle] = {
    "L": _nothing_lost,
    "T": _lawful,
    "D": _paid,
    "Q": _counted,
    "B": _kept,
    "R": _derived,
}
