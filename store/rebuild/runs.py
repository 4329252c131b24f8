from collections.abc import Awaitable, Callable
from datetime import datetime

from store.mongo.connection import Database
from store.runs import RequestedRuns


class RebuildRuns(RequestedRuns):
    """Rebuilds of the rows, in collection `rebuild_runs`; somebody has a reason for each, so that they rest little."""

    rest_factor = 0

    def __init__(self, database: Database, server_time: Callable[[], Awaitable[datetime]]) -> None:
        super().__init__(database.get_collection("rebuild_runs"), server_time)
