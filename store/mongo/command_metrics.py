from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from metrics.metrics import Metrics
from store.metrics import MONGODB_COMMANDS, MONGODB_SECONDS


class CommandMetrics(CommandListener):
    """Measure what the driver sends; called in its threads. An error in an answer to a write is a success of it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def started(self, event: CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._note(event, "succeeded")

    def failed(self, event: CommandFailedEvent) -> None:
        self._note(event, "failed")

    def _note(self, event: CommandSucceededEvent | CommandFailedEvent, outcome: str) -> None:
        self._metrics.count(MONGODB_COMMANDS, event.command_name, outcome)
        self._metrics.observe(MONGODB_SECONDS, event.duration_micros / 1_000_000, event.command_name)
