"""Fill a database with copies of a real generation, written directly.

A copy is what the product would have stored for another generation: its own id, times a whole number of
seconds earlier, the bytes of each commit with both changed, the leaf hash of these bytes, the next positions of
the sealed log. A copy of every batch is read and written again by the product's code, which must come to the same
bytes. Pictures are not copied, and the counters of the quota ledger stay as they are.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pymongo import MongoClient, UpdateOne, WriteConcern
from pymongo.database import Database

from bench.progress import say
from domain.generation.fold import fold
from events.catalogue import CATALOGUE
from events.commit import commit_of, leaf_hash
from store.commits.document import stored_commit
from store.quota.usage_sums import COST, COUNTED, SumKey, spent_in, sum_document, sum_key_of

Document = dict[str, Any]

PICTURES = re.compile("blob|chunk")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
FORMAT = "%Y-%m-%dT%H:%M:%S"
BATCH = 200


@dataclass(frozen=True)
class Template:
    """The documents of a finished generation by collection, commits and log entries in their order."""

    id: str
    documents: Mapping[str, Sequence[Document]]

    @property
    def commits(self) -> Sequence[Document]:
        return self.documents["commits"]

    @property
    def events(self) -> int:
        return int(self.commits[-1]["last"])

    @property
    def day(self) -> str:
        """The UTC day on which it was admitted."""
        admitted: datetime = self.documents["generations"][0]["created_at"]
        return admitted.date().isoformat()

    def copy(self, key: str, back: timedelta, position: int) -> "Template":
        """Write a copy with another id, older times, and `position` for its first commit.

        All are sealed with the last commit of the template: these times never decrease with positions.
        """
        change = _Change(self.id, key, back)
        written = {name: [change.value(document) for document in some] for name, some in self.documents.items()}
        pairs = zip(self.commits, written["commits"], strict=True)
        hashes = {leaf_hash(old["body"]): leaf_hash(new["body"]) for old, new in pairs}
        for document in (*written["commits"], *written["log"]):
            document |= {name: hashes[value] for name, value in document.items() if _hash_in(value, hashes)}
        sealed_at = self.documents["log"][-1]["sealed_at"]  # the template may have been sealed in several steps
        for number, entry in enumerate(written["log"]):
            entry |= {"_id": position + number, "sealed_at": sealed_at}
        return replace(self, id=key, documents=written)


@dataclass(frozen=True)
class _Change:
    """Replaces an id, and moves times back, in whatever holds them."""

    old: str
    new: str
    back: timedelta

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.value(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        if isinstance(value, datetime):
            return value - self.back
        if isinstance(value, bytes) and self.old.encode() in value:
            return TIME.sub(self._earlier, value.decode().replace(self.old, self.new)).encode()
        return value.replace(self.old, self.new) if isinstance(value, str) else value

    def _earlier(self, found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) - self.back).strftime(FORMAT)


def _hash_in(value: object, hashes: Mapping[bytes, bytes]) -> bool:
    return isinstance(value, bytes) and value in hashes


def fill(url: str, generation: str, events: int) -> list[str]:
    """Add copies of a generation until the log has so many events; return the ids of the last ones."""
    with MongoClient[Document](url, tz_aware=True) as client:
        database = client.get_default_database().with_options(write_concern=WriteConcern(w=1, j=False))
        template = sealed_last(read_template(database, generation), database)
        count, head = max(1, events // template.events), _head(database)
        step = max(timedelta(seconds=1), _since_month_began() // count)
        days = Counter[str]()
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            copies = [
                template.copy(
                    _key(number),
                    timedelta(seconds=round((count - number) * step.total_seconds())),
                    head + 1 + number * len(template.commits),
                )
                for number in numbers
            ]
            require_codec(copies[0])
            days.update(copy.day for copy in copies)
            for name in template.documents:
                some = [document for copy in copies for document in copy.documents[name]]
                database[name].insert_many(some, ordered=False)
            if start // BATCH % 100 == 99:
                say(f"filling: {start * template.events:,} of {events:,} events")
        _advance_subscribers(database, _head(database))
        database["usage"].bulk_write(usage_writes(template, days, _head(database)), ordered=False)
    return [_key(number) for number in range(max(0, count - 1000), count)]


def require_codec(copy: Template) -> None:
    """Raise RuntimeError unless the product reads these commits, and writes the same bytes of what it read."""
    for document in copy.commits:
        commit = stored_commit(document)
        first, events = commit.events[0], [recorded.event for recorded in commit.events]
        again = commit_of(commit.stream, commit.first - 1, events, cause=first.cause, time=first.time, writer="bench")
        if again.body != document["body"] or document["leaf"] != leaf_hash(again.body):
            raise RuntimeError(f"{commit.id} is not what the product would have stored")


def unsealed(url: str) -> int:
    """Count the commits that have no position in the sealed log yet."""
    with MongoClient[Document](url) as client:
        database = client.get_default_database()
        return database["commits"].count_documents({}) - database["log"].count_documents({})


def read_template(database: Database[Document], generation: str) -> Template:
    """Read what a database holds under the id of a generation, but its pictures; it must be sealed."""
    own = {"$regex": generation}
    documents = {
        name: list(database[name].find({"$or": [{"_id": own}, {"stream": own}]}))
        for name in database.list_collection_names()
        if not PICTURES.search(name)
    }
    documents.pop("ledger", None)  # a settled slot, which the product deletes soon
    for document in documents["personal_data"]:
        document.pop("unconfirmed", None)  # that a commit names it is certain by now
    documents["commits"].sort(key=lambda commit: int(commit["first"]))
    documents["log"].sort(key=lambda entry: int(entry["_id"]))
    if len(documents["commits"]) != len(documents["log"]):
        raise RuntimeError("the generation is not wholly sealed")
    return Template(generation, {name: some for name, some in documents.items() if some})


def sealed_last(template: Template, database: Database[Document]) -> Template:
    """Let a template be sealed with the last commit of the log, which its copies follow."""
    last = database["log"].find_one({}, {"sealed_at": 1}, sort=[("_id", -1)]) or {}
    log = [{**entry, "sealed_at": last.get("sealed_at")} for entry in template.documents["log"]]
    return replace(template, documents={**template.documents, "log": log})


def _head(database: Database[Document]) -> int:
    last = database["log"].find_one({}, {"_id": 1}, sort=[("_id", -1)])
    return int(last["_id"]) if last else 0


def _advance_subscribers(database: Database[Document], position: int) -> None:
    """Let subscribers begin behind the copies: all that they would do was done for the template."""
    for name in CATALOGUE.subscribers:
        database["subscriptions"].update_one({"_id": name}, {"$set": {"position": position}}, upsert=True)


def usage_writes(template: Template, days: Mapping[str, int], position: int) -> list[UpdateOne]:
    """Add to the sums what the subscriber `usage` would have counted of so many copies a day."""
    key, counted = _sum_of(template)
    writes = []
    for day, copies in days.items():
        added = {name: number * copies for name, number in counted.items()}
        document = sum_document(replace(key, day=day), {}, position)
        known = {name: value for name, value in document.items() if name not in (*added, "position")}
        change = {"$inc": added, "$set": {"position": position}, "$setOnInsert": known}
        writes.append(UpdateOne({"_id": document["_id"]}, change, upsert=True))
    return writes


def _sum_of(template: Template) -> tuple[SumKey, Mapping[str, int]]:
    """Return the sum that counts a generation, and what it adds to each member."""
    commits = [stored_commit(document) for document in template.commits]
    generation = fold(recorded for commit in commits for recorded in commit.events)
    if generation is None:
        raise RuntimeError("the generation has no events")
    types = [recorded.type for commit in commits for recorded in commit.events]
    ended = {member: sum(COUNTED.get(one) == member for one in types) for member in COUNTED.values()}
    return sum_key_of(generation), {**ended, COST: sum(spent_in(commits).values())}


def _since_month_began() -> timedelta:
    now = datetime.now(UTC)
    return now - now.replace(day=1, hour=0, minute=0, second=0)


def _key(number: int) -> str:
    return str(UUID(int=(4 << 76) | (8 << 60) | (number * 0x9E3779B97F4A7C15 % 2**60)))
