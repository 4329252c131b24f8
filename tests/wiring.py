"""The product's wiring with the dependencies that most tests replace."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from domain.webhooks.master_keys import MasterKeys
from exemplar.injection import Dependencies
from exemplar.wiring import dependencies_of
from store.webhooks.settings import WebhookSettings

MASTER_KEY = "the first master key of these tests"


@cache
def _webhook_settings() -> WebhookSettings:
    return WebhookSettings()


def wired(store: Any, clock: Callable[[], datetime], **given: object) -> Dependencies:
    """Wire a process on a store that announces nothing; what is `given` replaces its dependencies."""

    async def safe_now() -> datetime:
        return clock()

    usual: dict[str, object] = {
        "database": store.database,
        "clock": clock,
        "monotonic": getattr(clock, "monotonic", time.monotonic),
        "safe_now": safe_now,
        "announce": lambda _: None,
        "webhook_settings": _webhook_settings(),
        "master_keys": MasterKeys({1: MASTER_KEY}),
    }
    return dependencies_of(**{**usual, **given})
