"""What is measured of RabbitMQ."""

from typing import Final

from metrics.metric import Counter, Label
from rabbitmq.confirms import PublishOutcome

PUBLISHES: Final = Counter(
    "exemplar_rabbitmq_publishes_total",
    "Messages by the outcome of publishing them; expired and dropped: commits that were given up",
    (Label("outcome", (*(outcome.value for outcome in PublishOutcome), "expired", "dropped")),),
)

RABBITMQ_METRICS: Final = (PUBLISHES,)
