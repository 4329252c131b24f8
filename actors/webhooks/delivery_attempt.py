"""One attempt of a delivery: sign the message, send it, and record the outcome."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from actors.webhooks.endpoint_health import EndpointHealth
from actors.webhooks.http_client import WebhookClient
from actors.webhooks.message import MessageWriter, WebhookMessage
from domain.generation.generation import stream_of
from domain.webhooks.delivery import DeliveryState, EndReason, ReceiverResponse
from domain.webhooks.retry_schedule import next_attempt, read_retry_after
from domain.webhooks.signature import signed_headers
from events.envelope import Cause
from events.event import Event
from events.webhook import DeliveryExhausted, DeliveryFailed, DeliverySucceeded
from store.webhooks.deliveries import Attempt, Delivery, DeliveryStore
from store.webhooks.delivery_log import DeliveryLog
from store.webhooks.secrets import SecretLostError, WebhookSecrets
from store.webhooks.settings import WebhookSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempts:
    """Make attempts of claimed deliveries; `chance` returns a number in 0..1 for the jitter of retries."""

    message_writer: MessageWriter
    webhook_secrets: WebhookSecrets
    webhook_client: WebhookClient
    delivery_log: DeliveryLog
    deliveries: DeliveryStore
    endpoint_health: EndpointHealth
    webhook_settings: WebhookSettings
    clock: Callable[[], datetime]
    chance: Callable[[], float] = random.random

    async def make(self, delivery: Delivery, token: str) -> ReceiverResponse | None:
        """Make one attempt of a claimed delivery; None when it was skipped, because it may not be sent."""
        message, response = await self.message_writer.write(delivery), None
        if isinstance(message, str):
            await self.deliveries.skip(delivery, token, message)
            log.info("webhook_skipped", delivery=delivery.id, endpoint=delivery.endpoint, reason=message)
        else:
            at = self.clock()
            response = await self._send(delivery, message, at)
            await self._record(delivery, token, response, at)
            await self.endpoint_health.note(delivery, response, failing=message.destination.failing)
        await self.deliveries.wake(delivery, self.clock())
        return response

    async def _send(self, delivery: Delivery, message: WebhookMessage, at: datetime) -> ReceiverResponse:
        try:
            secrets = await self.webhook_secrets.signing(delivery.endpoint)
        except SecretLostError as error:
            log.critical("webhook_not_signed", delivery=delivery.id, error=str(error))
            return ReceiverResponse(None, "secret", 0)
        headers = signed_headers(
            delivery.id, body=message.body, secrets=secrets, version=delivery.version, now=at
        )
        return await self.webhook_client.post(message.destination.url, message.body, headers)

    async def _record(self, delivery: Delivery, token: str, response: ReceiverResponse, at: datetime) -> None:
        """Record an attempt in the log, then in the schedule; a crash in between repeats the attempt."""
        retry_at, number = self._retry_at(delivery, response), len(delivery.attempts) + 1
        state, reason = _outcome(response, retry_at)
        await self.delivery_log.record(
            delivery, _events(delivery, number, response, retry_at), cause=_cause_of(delivery)
        )
        attempt = Attempt(number, at, response.status, response.error, response.milliseconds, response.body)
        await self.deliveries.record_attempt(
            delivery, token, attempt, state=state, due_at=retry_at, reason=reason
        )
        log.info(
            "webhook_attempted",
            delivery=delivery.id,
            endpoint=delivery.endpoint,
            attempt=number,
            status=response.status,
            error=response.error,
            milliseconds=response.milliseconds,
        )

    def _retry_at(self, delivery: Delivery, response: ReceiverResponse) -> datetime | None:
        if response.accepted or delivery.example or response.error == "gone":
            return None
        now = self.clock()
        return next_attempt(
            delivery.failures + 1,
            now,
            jitter=2 * self.chance() - 1,
            retry_after=read_retry_after(response.retry_after, now),
            scale=self.webhook_settings.time_scale,
        )


def _outcome(response: ReceiverResponse, retry_at: datetime | None) -> tuple[DeliveryState, EndReason | None]:
    if response.accepted:
        return "delivered", None
    if retry_at is not None:
        return "pending", None
    return "failed", "gone" if response.error == "gone" else "exhausted"


def _events(
    delivery: Delivery, number: int, response: ReceiverResponse, retry_at: datetime | None
) -> list[Event]:
    if response.accepted:
        return [
            DeliverySucceeded(
                delivery=delivery.id,
                event=delivery.event,
                attempt=number,
                status=response.status or 0,
                milliseconds=response.milliseconds,
            )
        ]
    failed = DeliveryFailed(
        delivery=delivery.id,
        event=delivery.event,
        attempt=number,
        code=response.error or "protocol",
        status=response.status,
        milliseconds=response.milliseconds,
        retry_at=retry_at,
    )
    if retry_at is not None:
        return [failed]
    return [failed, DeliveryExhausted(delivery=delivery.id, event=delivery.event, attempts=number)]


def _cause_of(delivery: Delivery) -> Cause:
    correlation = stream_of(delivery.generation)
    return Cause(actor="actor:delivery", correlation_id=correlation, causation_id=delivery.event)
