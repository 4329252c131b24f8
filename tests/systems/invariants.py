"""The check of the invariants on a database, as the scheduler makes it."""

from collections.abc import Callable
from datetime import UTC, datetime

from actors.settings import TimeoutSettings
from domain.generation.timings import Price
from exemplar.injection import Dependencies
from store.adapters import ADAPTERS
from store.audit.invariant_check import InvariantCheck
from store.mongo.connection import Database
from store.settings import PriceSettings


def invariant_check(database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> InvariantCheck:
    """Make the check with the adapters on a database."""
    price, timeouts = Price(PriceSettings().usd_per_second), TimeoutSettings().timeouts
    given = {"database": database, "clock": now, "holder": "tests", "price": price, "timeouts": timeouts}
    return Dependencies(ADAPTERS, **given).call(InvariantCheck)
