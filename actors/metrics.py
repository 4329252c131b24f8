"""What the actors and the jobs measure."""

from typing import Final, get_args

from domain.generation.generation import State
from domain.webhooks.delivery import AttemptError
from events.catalogue import CATALOGUE
from metrics.metric import Counter, Histogram, Label

PAUSES: Final = ("provider_unauthorized", "provider_payment", "provider_throttled", "provider_unreachable")
"""Why the circuit of a provider is open."""

_QUEUE: Final = Label("queue", tuple(CATALOGUE.queues))
_OPERATION: Final = Label("operation", ("create", "get", "list", "cancel", "webhook_secret", "download", "account"))

ACTOR_CALLS: Final = Counter(
    "exemplar_actor_calls_total", "Calls of actors", (_QUEUE, Label("outcome", ("succeeded", "failed")))
)
ACTOR_SECONDS: Final = Histogram(
    "exemplar_actor_call_seconds", "Duration of the calls of actors, in seconds", (_QUEUE,)
)
REDELIVERIES: Final = Counter(
    "exemplar_redeliveries_total",
    "Events that were delivered again, by the state in which their generation had rested",
    (Label("state", tuple(State)),),
)
PROVIDER_CALLS: Final = Counter(
    "exemplar_provider_calls_total",
    "Calls of the provider; refused: certainly nothing was made; unknown: the outcome is looked for; failed: no answer",
    (_OPERATION, Label("outcome", ("succeeded", "refused", "unknown", "failed"))),
)
PROVIDER_SECONDS: Final = Histogram(
    "exemplar_provider_call_seconds", "Duration of the calls of the provider, in seconds", (_OPERATION,)
)
PROVIDER_REFUSALS: Final = Counter(
    "exemplar_provider_refusals_total",
    "Predictions that the provider refused, also unasked while its circuit was open",
    (Label("reason", PAUSES),),
)
WEBHOOK_ATTEMPTS: Final = Counter(
    "exemplar_webhook_attempts_total",
    "Attempts to deliver a webhook; any outcome but accepted is a fault of the receiver, except secret",
    (Label("outcome", ("accepted", *get_args(AttemptError))),),
)
WEBHOOK_SECONDS: Final = Histogram(
    "exemplar_webhook_attempt_seconds", "Time until receivers of webhooks answered, in seconds"
)
DECODER_SECONDS: Final = Histogram(
    "exemplar_decoder_seconds",
    "Time that decoding took with its wait for a worker process, in seconds",
    (Label("operation", ("compose", "check")),),
)
DECODER_DEATHS: Final = Counter(
    "exemplar_decoder_deaths_total",
    "Worker processes of the decoder that were ended: too_slow over their processor time, stuck by a kill",
    (Label("death", ("crashed", "stuck", "too_slow")),),
)
CHECKPOINTS: Final = Counter(
    "exemplar_checkpoints_total",
    "Checkpoints of the log; contradicted: nothing was signed, because the log is not the one that was signed before",
    (Label("outcome", ("signed", "contradicted")),),
)

ACTOR_METRICS: Final = (
    ACTOR_CALLS,
    ACTOR_SECONDS,
    REDELIVERIES,
    PROVIDER_CALLS,
    PROVIDER_SECONDS,
    PROVIDER_REFUSALS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_SECONDS,
    DECODER_SECONDS,
    DECODER_DEATHS,
    CHECKPOINTS,
)
