"""Every request to create a prediction, with its time and its answer: a call that came too early is visible here."""

import asyncio
from collections import deque
from typing import Any, Final

from sandbox.faults import Faults

REMEMBERED: Final = 100_000


class RequestRecord:
    """Holds the requests to create, refused ones included; the oldest are dropped first."""

    def __init__(self) -> None:
        self._requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def add(self, faults: Faults) -> dict[str, Any]:
        """Note a request that gets these faults; the times are seconds on the monotonic clock."""
        asked = {"create": faults.create, "retry_after": faults.retry_after, "at": self._now(), "answered_at": None}
        self._requests.append(asked)
        return asked

    def answered(self, asked: dict[str, Any]) -> None:
        asked["answered_at"] = self._now()

    def listed(self) -> list[dict[str, Any]]:
        return list(self._requests)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
