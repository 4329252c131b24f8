"""The invariants of a system, checked after its last journey."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from actors.jobs.subscribers import SUBSCRIBERS
from domain.accounts.tiers import TIERS
from domain.audit.judgement import Rules
from domain.generation.fold import check, evolve
from domain.generation.generation import Generation, id_of
from domain.generation.lifecycle import Timeouts
from domain.submission.model_inputs import ADMITTED
from events.commit import Commit
from store.audit.picture_verification import verify_pictures
from store.replay.decision_replay import DecisionReplay
from store.replay.fold_comparison import FoldComparison
from tests.journeys.charges import History, paid_once
from tests.stores import OpenStore
from tests.systems.system import System
from tests.systems.tenants import FILE_NAME, PASSWORD, PROMPT
from tests.systems.waiting import until

PERSONAL = (
    *PROMPT.replace("'", " ").split(),
    PROMPT,
    FILE_NAME,
    PASSWORD,
    "@people.example",
    "@studios.example",
)
TIMEOUTS = Timeouts(redelivery=timedelta(seconds=1), claim=timedelta(seconds=3))
RULES = Rules(TIMEOUTS, TIERS, "blend", ADMITTED)


async def check_all(system: System) -> None:
    """Wait until nothing changes any more; fail if anything was lost, duplicated, miscounted or leaked."""
    check_logs(system)
    async with system.open_store() as store:
        for check_one in INVARIANTS.values():
            await check_one(system, store)


def check_logs(system: System) -> None:
    """Every log line is JSON, names its service, and holds no secret and no personal data."""
    hidden = [text for text in (*system.hidden, *PERSONAL) if len(text) > 8]
    for file in sorted((system.home / "logs").glob("*.log")):
        logged = file.read_text()
        for line in logged.splitlines():
            entry = json.loads(line)
            assert file.stem.endswith(entry["service"])
            assert {"event", "level", "timestamp"} <= entry.keys()
            _check_ids(entry)
        assert [text for text in hidden if text.lower() in logged.lower()] == [], file.name


def _check_ids(entry: Mapping[str, Any]) -> None:
    """What is recorded of a generation names its event and request; what is handled names the event it is of."""
    if entry["event"] == "events_appended" and "generation_id" in entry:
        assert entry["event_id"], entry
        assert entry["request_id"], entry
    if "queue" in entry and "stream" in entry:
        assert entry["event_id"], entry
        assert not entry["stream"].startswith("generation-") or entry["generation_id"] in entry["stream"], entry


async def history(system: System, generation: str) -> list[Commit]:
    """Return all commits of a generation, hidden events included."""
    async with system.open_store() as store:
        return await store.events.read(f"generation-{generation}")


async def _streams(store: OpenStore) -> dict[str, list[Commit]]:
    streams: dict[str, list[Commit]] = defaultdict(list)
    async for commit in store.events.commits():
        if commit.stream.startswith("generation-"):
            streams[commit.stream].append(commit)
    return streams


async def _nothing_lost(_: System, store: OpenStore) -> None:
    """L: accepted means final in the end, and its unit settled in the log."""
    await until(lambda: _at_rest(store), "every generation is final and settled", within=60, every=0.3)


async def _at_rest(store: OpenStore) -> bool:
    folded = [_folded(commits) for commits in (await _streams(store)).values()]
    return all(generation.final and generation.quota != "held" for generation in folded)


def _folded(commits: list[Commit]) -> Generation:
    """Fold a stream; check every event against the state before it."""
    generation: Generation | None = None
    for recorded in (event for commit in commits for event in commit.events):
        check(generation, recorded.event)
        assert recorded.cause.correlation_id == recorded.stream, f"{recorded.id} has another correlation id"
        generation = evolve(generation, recorded)
    assert generation is not None
    return generation


async def _lawful(_: System, store: OpenStore) -> None:
    """T: every event was allowed in the state before it and has the correlation id of its stream."""
    await _histories(store)


async def _paid(system: System, store: OpenStore) -> None:
    """D: nothing was paid twice, and unwanted predictions were cancelled."""
    await paid_once(system, await _histories(store))


async def _histories(store: OpenStore) -> list[History]:
    return [History(_folded(commits), commits) for commits in (await _streams(store)).values()]


async def _counted(_: System, store: OpenStore) -> None:
    """Q: the counters equal a recount of the log, and no slot is held."""
    generations = [one.generation for one in await _histories(store)]
    recount: Counter[tuple[str, str]] = Counter()
    for generation in generations:
        request = generation.request
        recount[request.owner.developer, request.period] += generation.quota != "released"
    for (developer, period), units in recount.items():
        account = await store.ledger.account(developer)
        assert not account.slots, f"{developer} still holds {account.slots}"
        assert account.used_in(period) == units


async def _kept(system: System, store: OpenStore) -> None:
    """B: blobs, personal data and log agree, and every picture has the hash that the log names."""
    generations = [one.generation for one in await _histories(store)]
    whole = [generation for generation in generations if generation.id not in system.stripped]
    await until(lambda: _agree(store, whole), "blobs and personal data agree with the log", every=0.3)
    await verify_pictures(store.picture_scan, store.checkpoints, lambda *_: None)


async def _agree(store: OpenStore, generations: list[Generation]) -> bool:
    """Blobs have personal data, erased generations have neither, all others have both."""
    database = store.database
    blobs = await database.get_collection("blobs").find({}, {"generation": 1, "token": 1}).to_list(None)
    personal_data = await database.get_collection("personal_data").find({}, {"generation": 1}).to_list(None)
    named = {document["_id"] for document in personal_data}
    alone = [blob["_id"] for blob in blobs if f"{blob['generation']}/{blob['token']}" not in named]
    assert not alone, f"blobs without personal data: {alone}"
    kept = {blob["_id"] for blob in blobs}
    wanted = {
        f"{generation.id}/{digest}"
        for generation in generations
        if not generation.erased
        for digest in _digests(generation)
    }
    assert wanted <= kept, f"pictures that the log names are missing: {wanted - kept}"
    erased = {generation.id for generation in generations if generation.erased}
    return not erased & {document["generation"] for document in (*blobs, *personal_data)}


def _digests(generation: Generation) -> list[str]:
    examples = [example.digest for example in generation.request.examples]
    pictures = [picture.digest for picture in generation.pictures]
    return [*examples, *pictures]


async def _is_derived(store: OpenStore) -> bool:
    """Every commit is sealed and handled by every subscriber, and every row is at its stream's last version."""
    newest = {id_of(stream): commits[-1].last for stream, commits in (await _streams(store)).items()}
    rows = await store.projection.versions(list(newest))
    sealed, commits = await asyncio.gather(store.sealed_log.head(), _count(store))
    passed = {await store.subscriptions.position(name) for name in SUBSCRIBERS}
    return rows == newest and sealed == commits and passed == {sealed} and not await store.parking.all()


async def _derived(_: System, store: OpenStore) -> None:
    """R: everything derived from the log is complete, and equals the fold."""
    await until(lambda: _is_derived(store), "every commit is sealed and handled by every subscriber", every=0.3)
    store.set(timeouts=TIMEOUTS)
    report = await store.make(FoldComparison).run()
    assert not report.different, f"what is stored differs from the log: {report.differences}"
    assert {"generations", "developers", "projects", "keys", "users", "usage", "ledger"} <= set(report.compared)


async def _decided_again(_: System, store: OpenStore) -> None:
    """A: every decision comes to the same by the same rules, as far as what it needs is there."""
    report = await store.make(DecisionReplay).run(RULES)
    assert not report.differences, f"decisions differ: {report.differences}"
    assert report.same > 0
    assert "answer_not_recorded" not in report.not_decidable
    assert "answer_differs" not in report.not_decidable


async def _count(store: OpenStore) -> int:
    return sum([1 async for _ in store.events.commits()])


Invariant = Callable[[System, OpenStore], Awaitable[None]]

INVARIANTS: Mapping[str, Invariant] = {
    "L": _nothing_lost,
    "T": _lawful,
    "D": _paid,
    "Q": _counted,
    "B": _kept,
    "R": _derived,
    "A": _decided_again,
}
