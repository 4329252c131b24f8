"""The check of the invariants on a database, as the scheduler makes it."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime

from actors.settings import TimeoutSettings
from domain.generation.timings import Price
from exemplar.injection import Dependencies
from store.adapters import ADAPTERS
from store.audit.invariant_check import InvariantCheck
from store.audit.settings import CheckpointSettings
from store.mongo.connection import Database
from store.settings import PriceSettings


def invariant_check(
    database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC), *, signs: bool = True
) -> InvariantCheck:
    """Make the check with the adapters on a database; `signs`: a key for checkpoints is configured."""
    key = base64.b64encode(bytes(32)).decode() if signs else None
    given = {
        "database": database,
        "clock": now,
        "holder": "tests",
        "price": Price(PriceSettings().usd_per_second),
        "timeouts": TimeoutSettings().timeouts,
        "checkpoint_settings": CheckpointSettings.model_validate({"checkpoint_key": key}),
    }
    return Dependencies(ADAPTERS, **given).call(InvariantCheck)
