"""One attempt: sign the message, send it, and record what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from actors.webhooks.http_client import Dial
from actors.webhooks.message import Letter, Target, letter_of
from domain.generation.generation import stream_of
from domain.webhooks import endpoint as rules
from domain.webhooks.delivery import (
    Answer,
    Ended,
    State,
    headers_of,
    is_due_to_disable,
    next_attempt,
    read_retry_after,
)
from domain.webhooks.endpoint import default_endpoint, stream_of_deliveries
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.webhook import DeliveryExhausted, DeliveryFailed, DeliverySucceeded, DisabledReason
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import Attempt, Delivery
from store.webhooks.secrets import SecretLostError
from store.webhooks.webhooks import Webhooks

_CAUSE = Cause(actor="actor:delivery")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """What an attempt needs; `chance` gives a number in 0..1 for the jitter."""

    webhooks: Webhooks
    personal_data: PersonalDataStore
    dial: Dial
    visible: Callable[[RecordedEvent], dict[str, Any] | None]
    public_url: str | None
    chance: Callable[[], float]
    clock: Callable[[], datetime]

    async def attempt(self, delivery: Delivery, token: str) -> Answer | None:
        """Make one attempt of a claimed delivery; None when it was skipped: nobody may get it any more."""
        letter, answer = await letter_of(delivery, self), None
        if isinstance(letter, str):
            await self.webhooks.deliveries.skip(delivery, token, letter)
            log.info("webhook skipped", delivery=delivery.id, endpoint=delivery.endpoint, reason=letter)
        else:
            at = self.clock()
            answer = await self._send(delivery, letter, at)
            await self._note(delivery, token, answer, at, letter.target)
        await self.webhooks.deliveries.wake(delivery, self.clock())
        return answer

    async def _send(self, delivery: Delivery, letter: Letter, at: datetime) -> Answer:
        try:
            secrets = await self.webhooks.signing(delivery.endpoint)
        except SecretLostError as error:
            log.critical("webhook not signed", delivery=delivery.id, error=str(error))
            return Answer(None, "secret", 0)
        headers = headers_of(delivery.id, body=letter.body, secrets=secrets, version=delivery.version, now=at)
        return await self.dial.post(letter.target.url, letter.body, headers)

    async def _note(
        self, delivery: Delivery, token: str, answer: Answer, at: datetime, target: Target
    ) -> None:
        """Record an attempt: first in the log, then in the schedule; a crash between repeats the attempt."""
        now, number = self.clock(), len(delivery.attempts) + 1
        retry_at = None if answer.accepted else self._retry_at(delivery, answer, now)
        state: State = "delivered" if answer.accepted else "pending" if retry_at else "failed"
        reason: Ended | None = None
        if state == "failed":
            reason = "gone" if answer.code == "gone" else "exhausted"
        stream = stream_of_deliveries(delivery.endpoint, delivery.generation)
        facts = _facts(delivery, number, answer, retry_at)
        await self.webhooks.record(stream, facts, cause=_cause_of(delivery))
        error = None if answer.accepted else answer.code
        attempt = Attempt(number, at, answer.status, error, answer.milliseconds, answer.body)
        await self.webhooks.deliveries.settle(
            delivery, token, attempt, state=state, due_at=retry_at, reason=reason
        )
        log.info(
            "webhook attempt",
            delivery=delivery.id,
            endpoint=delivery.endpoint,
            attempt=number,
            status=answer.status,
            error=error,
            milliseconds=answer.milliseconds,
        )
        await self._judge_endpoint(delivery, answer, target, now)

    def _retry_at(self, delivery: Delivery, answer: Answer, now: datetime) -> datetime | None:
        if delivery.example or answer.code == "gone":
            return None
        return next_attempt(
            delivery.failures + 1,
            now,
            jitter=2 * self.chance() - 1,
            retry_after=read_retry_after(answer.retry_after, now),
            scale=self.webhooks.settings.time_scale,
        )

    async def _judge_endpoint(
        self, delivery: Delivery, answer: Answer, target: Target, now: datetime
    ) -> None:
        """Disable an endpoint that is gone or has failed for days; a request's webhook that is gone ends.

        A secret that we lost is no fault of the endpoint's.
        """
        if not answer.accepted and answer.code == "secret":
            return
        if delivery.endpoint == default_endpoint(delivery.project):
            if not answer.accepted and answer.code == "gone":
                await self.webhooks.deliveries.skip_all(
                    delivery.endpoint, "gone", generation=delivery.generation
                )
        elif answer.accepted:
            if target.failing:
                await self.webhooks.rows.succeeded(delivery.endpoint)
        elif not delivery.example:
            since = await self.webhooks.rows.failed(delivery.endpoint, now)
            if answer.code == "gone":
                await self._disable(delivery.endpoint, "gone", since)
            elif is_due_to_disable(since, now, self.webhooks.settings.disable_after):
                await self._disable(delivery.endpoint, "failing", since)

    async def _disable(self, endpoint: str, reason: DisabledReason, since: datetime) -> None:
        await self.webhooks.decide(endpoint, lambda e: rules.disable(e, reason, since), cause=_CAUSE)
        log.warning("webhook endpoint disabled", endpoint=endpoint, reason=reason)


def _facts(delivery: Delivery, number: int, answer: Answer, retry_at: datetime | None) -> list[Event]:
    if answer.accepted and answer.status is not None:
        return [
            DeliverySucceeded(
                delivery=delivery.id,
                event=delivery.event,
                attempt=number,
                status=answer.status,
                milliseconds=answer.milliseconds,
            )
        ]
    failed = DeliveryFailed(
        delivery=delivery.id,
        event=delivery.event,
        attempt=number,
        code=answer.code,
        status=answer.status,
        milliseconds=answer.milliseconds,
        retry_at=retry_at,
    )
    if retry_at is not None:
        return [failed]
    return [failed, DeliveryExhausted(delivery=delivery.id, event=delivery.event, attempts=number)]


def _cause_of(delivery: Delivery) -> Cause:
    return Cause(
        actor=_CAUSE.actor, correlation_id=stream_of(delivery.generation), causation_id=delivery.event
    )
