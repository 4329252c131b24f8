from collections.abc import Awaitable, Callable
from datetime import datetime

from store.mongo.connection import Database
from store.runs import RequestedRuns


class InvariantRuns(RequestedRuns):
    """Runs over the invariants, in collection `invariant_runs`."""

    def __init__(self, database: Database, server_time: Callable[[], Awaitable[datetime]]) -> None:
        super().__init__(database.get_collection("invariant_runs"), server_time)
