"""The event store with its appends counted."""

from collections.abc import Sequence
from datetime import datetime

from pymongo.errors import PyMongoError

from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from metrics.metrics import NO_METRICS, Metrics
from store.commits.contract import Write
from store.commits.mongo import MongoEventStore
from store.errors import StoreUnavailableError, WriteRefusedError, WrongExpectedVersionError
from store.metrics import APPENDS, EVENTS
from store.mongo.connection import Database
from store.mongo.provisional import ProvisionalWrites


class MeasuredEventStore(MongoEventStore):
    """Count what is appended, and what is not and why."""

    def __init__(
        self, database: Database, provisional: ProvisionalWrites | None = None, metrics: Metrics = NO_METRICS
    ) -> None:
        super().__init__(database, provisional)
        self._metrics = metrics

    async def append(
        self,
        stream: str,
        expected_version: int,
        events: Sequence[Event],
        *,
        cause: Cause,
        time: datetime,
        write: Write | None = None,
    ) -> Commit:
        try:
            commit = await super().append(stream, expected_version, events, cause=cause, time=time, write=write)
        except WrongExpectedVersionError:
            self._metrics.count(APPENDS, "conflict")
            raise
        except (StoreUnavailableError, WriteRefusedError, PyMongoError):
            self._metrics.count(APPENDS, "failed")
            raise
        self._metrics.count(APPENDS, "appended")
        for event in events:
            self._metrics.count(EVENTS, event.type)
        return commit
