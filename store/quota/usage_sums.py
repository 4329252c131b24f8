"""Sums of generations and costs by day, project, user and API key, from which usage is read.

A sum knows the position of the sealed log up to which it counts. It is changed only together with that position,
so that a repeated page counts once, and a recount of the log up to the same position gives the same sum.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

from pymongo import ASCENDING, IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from domain.generation.generation import Generation, id_of
from events.commit import Commit
from events.event import Event
from events.generation import GenerationCompleted, GenerationFailed, GenerationRequested
from events.invocation import DuplicateFound, PredictionSettled
from store.log.sealed_log import SealedCommit
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable

COUNTED: Final = {
    GenerationRequested.type: "generations",
    GenerationCompleted.type: "completed",
    GenerationFailed.type: "failed",
}
"""The event types that change a count, and the member that each adds to."""

COST: Final = "cost_microusd"
"""The member that adds up what predictions cost, in millionths of a US dollar."""

MEMBERS: Final = (*COUNTED.values(), COST)
_SPENDING: Final = frozenset({PredictionSettled.type, DuplicateFound.type})

_RECENT: Final = 100
"""The positions counted last that a sum lists: one of them that was parked meanwhile is not counted again."""


@dataclass(frozen=True, slots=True)
class SumKey:
    """What a sum counts: generations of a user admitted on a UTC day, for units of a month.

    key: id of the API key that they were sent with; empty where the log names none.
    """

    developer: str
    day: str
    project: str
    user: str
    period: str
    key: str = ""

    @property
    def id(self) -> str:
        name = f"{self.developer}/{self.day}/{self.project}/{self.user}/{self.period}"
        return f"{name}/{self.key}" if self.key else name


@dataclass(frozen=True, slots=True)
class Count:
    """What is added to a member of a sum, at a position of the sealed log; `late`: the sum may have passed it."""

    key: SumKey
    position: int
    name: str
    late: bool = False
    amount: int = 1


def counts_in(entries: Sequence[SealedCommit], keys: Mapping[str, SumKey], spent: Mapping[str, int]) -> list[Count]:
    """List what commits count; `keys` names the sum of each generation that is known, `spent` is as of `spent_in`."""
    counts = list[Count]()
    for entry in entries:
        if (key := keys.get(id_of(entry.stream))) is None:
            continue
        counts += [Count(key, entry.position, COUNTED[one], entry.late) for one in entry.types if one in COUNTED]
        if cost := spent.get(entry.id):
            counts.append(Count(key, entry.position, COST, entry.late, cost))
    return counts


def spends(entry: SealedCommit) -> bool:
    """Tell whether a commit may have recorded a cost."""
    return not _SPENDING.isdisjoint(entry.types)


def spent_in(commits: Iterable[Commit]) -> dict[str, int]:
    """Add up, by the id of the commit, what predictions cost that have ended."""
    return {commit.id: sum(_cost(recorded.event) for recorded in commit.events) for commit in commits}


def _cost(event: Event) -> int:
    return (event.cost_microusd or 0) if isinstance(event, PredictionSettled | DuplicateFound) else 0


def sum_key_of(generation: Generation) -> SumKey:
    owner, day = generation.request.owner, generation.created_at.date().isoformat()
    request = generation.request
    return SumKey(owner.developer, day, owner.project, owner.user, request.period, request.api_key or "")


@raises_unavailable
class UsageSums:
    """Sums in collection `usage`; an id begins with developer and day, so that the ids are the index for both."""

    indexes: ClassVar[Indexes] = {
        "usage": [IndexModel([("project", ASCENDING), ("user", ASCENDING), ("day", ASCENDING)], name="of_user")]
    }

    def __init__(self, database: Database) -> None:
        self._sums = database.get_collection("usage")

    async def add(self, counts: Sequence[Count]) -> None:
        """Add counts of whole positions that follow one another; those that a sum includes are left out."""
        await self._add_late([count for count in counts if count.late])
        while writes := await self._writes([count for count in counts if not count.late]):
            try:
                written = await self._sums.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                if not only_duplicates(error):
                    raise
                continue
            if written.matched_count + written.inserted_count == len(writes):
                return

    async def _add_late(self, counts: Sequence[Count]) -> None:
        """Add counts that were parked; a sum lists their positions, so that each counts once."""
        names = {(count.key, count.position): Counter[str]() for count in counts}
        for count in counts:
            names[count.key, count.position][count.name] += count.amount
        writes = [_late_write(key, position, counted) for (key, position), counted in names.items()]
        try:
            if writes:
                await self._sums.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):  # a sum that lists the position
                raise

    async def _writes(self, counts: Sequence[Count]) -> list[InsertOne[Document] | UpdateOne]:
        """Write what each sum does not include yet, on the condition that it stays as it was read."""
        by_key = defaultdict[SumKey, list[Count]](list)
        for count in counts:
            by_key[count.key].append(count)
        sums = await self._read([key.id for key in by_key])
        fresh = {
            key: [count for count in found if not _includes(sums.get(key.id), count.position)]
            for key, found in by_key.items()
        }
        return [_write(key, found, sums.get(key.id)) for key, found in fresh.items() if found]

    async def _read(self, ids: Sequence[str]) -> dict[str, Document]:
        fields = {"position": 1, "late": 1}
        found = await self._sums.find({"_id": {"$in": ids}}, fields).to_list(None) if ids else []
        return {document["_id"]: document for document in found}

    async def all(self) -> AsyncIterator[Document]:
        """Read every sum as it is stored."""
        with reachable():
            async for document in self._sums.find({}):
                yield document

    async def replace(self, wanted: Sequence[Document], seen: Mapping[str, int | None]) -> None:
        """Replace sums that still count up to the position that was `seen`; insert those that were not."""
        writes = [
            ReplaceOne({"_id": one["_id"], "position": seen[one["_id"]]}, one) if one["_id"] in seen else InsertOne(one)
            for one in wanted
        ]
        try:
            await self._sums.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise


def sum_document(key: SumKey, counted: Mapping[str, int], position: int) -> Document:
    """Write a sum as it is stored."""
    return {
        "_id": key.id,
        **asdict(key),
        **{name: counted.get(name, 0) for name in MEMBERS},
        "position": position,
    }


def totals(counts: Iterable[Count]) -> Counter[str]:
    """Add up counts by their members."""
    total = Counter[str]()
    for count in counts:
        total[count.name] += count.amount
    return total


def _includes(stored: Document | None, position: int) -> bool:
    return stored is not None and (position <= stored["position"] or position in stored.get("late", ()))


def _late_write(key: SumKey, position: int, counted: Mapping[str, int]) -> UpdateOne:
    fresh = {name: value for name, value in sum_document(key, {}, 0).items() if name not in ("_id", *counted)}
    update = {"$inc": dict(counted), "$push": {"late": position}, "$setOnInsert": fresh}
    missing = {"late": {"$ne": position}, "recent": {"$ne": position}}
    return UpdateOne({"_id": key.id, **missing}, update, upsert=True)


def _write(key: SumKey, counts: Sequence[Count], stored: Document | None) -> InsertOne[Document] | UpdateOne:
    counted, positions = totals(counts), sorted({count.position for count in counts})
    if stored is None:
        return InsertOne(sum_document(key, counted, positions[-1]) | {"recent": positions[-_RECENT:]})
    seen = {"_id": key.id, "position": stored["position"], "late": {"$nin": positions}}
    recent = {"$each": positions, "$slice": -_RECENT}
    update = {"$inc": dict(counted), "$set": {"position": positions[-1]}, "$push": {"recent": recent}}
    return UpdateOne(seen, update)
