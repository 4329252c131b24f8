"""What a system's log says about the generations of a measurement."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import CodecOptions
from pymongo import MongoClient
from pymongo.collection import Collection

from events.generation import GenerationCompleted
from events.invocation import GenerationStarted

Commits = Collection[dict[str, Any]]


@contextmanager
def open_commits(url: str) -> Iterator[Commits]:
    """Open the log of a database for reading."""
    with MongoClient[dict[str, Any]](url) as client:
        options = CodecOptions[dict[str, Any]](tz_aware=True)
        yield client.get_default_database()["commits"].with_options(options)


def started(commits: Commits) -> int:
    """Count the generations that the provider has taken."""
    return commits.count_documents({"types": GenerationStarted.type})


def completions(commits: Commits, since: datetime) -> Sequence[datetime]:
    """Read when generations were completed, in order."""
    query = {"types": GenerationCompleted.type, "time": {"$gte": since}}
    return sorted(commit["time"] for commit in commits.find(query, {"time": 1}))
