"""One attempt of a delivery: sign the message, send it, record the outcome, and judge the endpoint."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from actors.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_SECONDS
from actors.webhooks import resolver
from actors.webhooks.http_client import WebhookClient
from actors.webhooks.message import Destination, MessageWriter
from domain.generation.generation import stream_of
from domain.webhooks.delivery import Attempt, Delivery, ReceiverResponse
from domain.webhooks.endpoint import disable, is_default, stream_of_deliveries
from domain.webhooks.master_keys import SecretLostError
from domain.webhooks.retry_schedule import next_attempt, read_retry_after
from domain.webhooks.signature import signed_headers, user_secret
from domain.webhooks.signing_keys import SigningKeys
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.webhook import DeliveryExhausted, DeliveryFailed, DeliverySucceeded, DisabledReason
from metrics.metrics import NO_METRICS, Metrics
from store.commits.repository import Repository
from store.tracing import NO_TRACER, Attributes, Tracer
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import WebhookEndpoints
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.settings import WebhookSettings
from store.webhooks.webhooks import Webhooks

_ACTOR = "actor:delivery"
_TOLERATED: Final = timedelta(minutes=5)
"""The age of a signature that receivers accept, which is far more than an attempt takes."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempts:
    """Make attempts of claimed deliveries; `chance` returns a number in 0..1 for the jitter of retries.

    An endpoint that responds 410 or has failed for days is disabled; a request's webhook ends after a 410.
    """

    message_writer: MessageWriter
    webhook_secrets: WebhookSecrets
    signing_keys: SigningKeys
    webhook_client: WebhookClient
    delivery_log: Repository[RecordedEvent]
    deliveries: DeliveryStore
    endpoints: WebhookEndpoints
    webhooks: Webhooks
    webhook_settings: WebhookSettings
    clock: Callable[[], datetime]
    chance: Callable[[], float] = random.random
    metrics: Metrics = NO_METRICS
    tracer: Tracer = NO_TRACER

    async def make(self, delivery: Delivery, token: str) -> ReceiverResponse | None:
        """Make one attempt of a claimed delivery; None when it was skipped, because it may not be sent."""
        resolver.developer.set(delivery.payer)
        resolver.user.set(delivery.user)
        message, response = await self.message_writer.write(delivery), None
        if isinstance(message, str):
            await self.deliveries.skip(delivery, token, message)
            log.info("webhook_skipped", delivery=delivery.id, endpoint=delivery.endpoint, reason=message)
        else:
            destination, body = message
            at = self.clock()
            response = await self._traced(delivery, destination, body, at)
            await self._record(delivery, token, response, at)
            await self._judge(delivery, response, failing=destination.failing)
        await self.deliveries.wake(delivery, self.clock())
        return response

    async def _traced(
        self, delivery: Delivery, destination: Destination, body: bytes, at: datetime
    ) -> ReceiverResponse:
        """Send the message as a part of the trace of its event; the address of the receiver is not told."""
        about: Attributes = {"exemplar.event_type": delivery.type, "exemplar.attempt": delivery.next_number}
        with self.tracer.span("deliver webhook", "client", parent=destination.traceparent, attributes=about) as span:
            response = await self._send(delivery, destination, body, at)
            if response.status is not None:
                span.note({"http.response.status_code": response.status})
            if not response.accepted:
                span.fail(response.error or str(response.status))
        return response

    async def _send(self, delivery: Delivery, destination: Destination, body: bytes, at: datetime) -> ReceiverResponse:
        try:
            secrets = await self.webhook_secrets.signing(delivery.endpoint)
        except SecretLostError as error:
            log.critical("webhook_not_signed", delivery=delivery.id, error=error)
            return ReceiverResponse(None, "secret", 0)
        keys = self.signing_keys.of_project(delivery.project)
        if destination.user is not None:
            secrets = [*(user_secret(secret, destination.user) for secret in secrets), *secrets]
            keys = [*self.signing_keys.of_user(delivery.project, destination.user), *keys]
        headers = signed_headers(delivery.id, body=body, secrets=secrets, keys=keys, version=delivery.version, now=at)
        if traceparent := self.tracer.traceparent() or destination.traceparent:
            headers["traceparent"] = traceparent
        return await self.webhook_client.post(destination.url, body, headers)

    async def _record(self, delivery: Delivery, token: str, response: ReceiverResponse, at: datetime) -> None:
        """Record an attempt in the log, then in the schedule; a crash in between repeats the attempt."""
        number, retry_at = delivery.next_number, self._retry_at(delivery, response, at)
        attempt = Attempt(number, at, response.status, response.error, response.milliseconds, response.body)
        events = _events(delivery, attempt, retry_at)
        correlation = stream_of(delivery.generation)
        await self.delivery_log.decide(
            stream_of_deliveries(delivery.endpoint, delivery.generation),
            lambda _: events,  # no decision depends on earlier ones
            cause=Cause(actor=_ACTOR, correlation_id=correlation, causation_id=delivery.event),
        )
        await self.deliveries.record_attempt(delivery, token, attempt, retry_at)
        self.metrics.count(WEBHOOK_ATTEMPTS, response.error or "accepted")
        self.metrics.observe(WEBHOOK_SECONDS, response.milliseconds / 1000)
        log.info(
            "webhook_attempted",
            delivery=delivery.id,
            endpoint=delivery.endpoint,
            attempt=number,
            status=response.status,
            error=response.error,
            milliseconds=response.milliseconds,
        )

    def _retry_at(self, delivery: Delivery, response: ReceiverResponse, at: datetime) -> datetime | None:
        if response.accepted or delivery.example or response.error == "gone":
            return None
        now = self.clock()
        if abs(now - at) > _TOLERATED:
            return now  # the clock was set since the message was signed, and receivers refuse what it said then
        return next_attempt(
            delivery.failures + 1,
            now,
            jitter=2 * self.chance() - 1,
            retry_after=read_retry_after(response.retry_after, now),
            scale=self.webhook_settings.time_scale,
        )

    async def _judge(self, delivery: Delivery, response: ReceiverResponse, *, failing: bool) -> None:
        """Take note of an attempt; `failing` when the endpoint's attempt before failed."""
        if response.error == "secret":
            return  # a secret that we lost is no fault of the receiver
        if is_default(delivery.endpoint):
            if response.error == "gone":
                await self.deliveries.skip_all(delivery.endpoint, "gone", generation=delivery.generation)
        elif response.accepted:
            if failing:
                await self.endpoints.succeeded(delivery.endpoint)
        elif not delivery.example:
            await self._note_failure(delivery.endpoint, gone=response.error == "gone")

    async def _note_failure(self, endpoint: str, *, gone: bool) -> None:
        now = self.clock()
        since = await self.endpoints.failed(endpoint, now)
        if gone or now - since >= self.webhook_settings.disable_after:
            reason: DisabledReason = "gone" if gone else "failing"
            await self.webhooks.decide(endpoint, lambda e: disable(e, reason, since), cause=Cause(actor=_ACTOR))
            log.warning("webhook_endpoint_disabled", endpoint=endpoint, reason=reason)


def _events(delivery: Delivery, attempt: Attempt, retry_at: datetime | None) -> list[Event]:
    about: dict[str, Any] = {"delivery": delivery.id, "event": delivery.event}
    figures = {"attempt": attempt.number, "status": attempt.status, "milliseconds": attempt.milliseconds}
    if attempt.error is None:
        return [DeliverySucceeded(**about, **figures)]
    failed = DeliveryFailed(**about, **figures, code=attempt.error, retry_at=retry_at)
    return [failed] if retry_at else [failed, DeliveryExhausted(**about, attempts=attempt.number)]
