import time
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from actors.metrics import ACTOR_CALLS, ACTOR_SECONDS
from metrics.metrics import Metrics

_BEGAN = "began"


class ActorMetrics(Middleware):
    """Count and time the calls of actors."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def before_process_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        message.options[_BEGAN] = time.perf_counter()

    def after_process_message(
        self,
        _broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        queue = message.queue_name
        self._metrics.count(ACTOR_CALLS, queue, "succeeded" if exception is None else "failed")
        self._metrics.observe(ACTOR_SECONDS, time.perf_counter() - message.options[_BEGAN], queue)
