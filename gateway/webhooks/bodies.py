"""Response bodies of endpoints and deliveries."""

from collections.abc import Mapping
from datetime import datetime

from domain.webhooks.delivery import Attempt, Delivery
from events.envelope import format_time
from gateway.accounts.bodies import time_body
from gateway.generations.request_metadata import NO_CONTEXT, RequestContext
from gateway.webhooks.answers import DeliveryAttempt, DeliveryStatistics, WebhookDelivery, WebhookEndpoint
from store.webhooks.deliveries import Stats
from store.webhooks.endpoints import RegisteredEndpoint


def endpoint_body(registered: RegisteredEndpoint) -> WebhookEndpoint:
    """Write an endpoint, without its secret."""
    endpoint = registered.endpoint
    return {
        "id": endpoint.id,
        "url": registered.url,
        "description": registered.description,
        "event_types": list(endpoint.event_types),
        "enabled": endpoint.disabled is None,
        "disabled_reason": endpoint.disabled,
        "failing_since": time_body(registered.failing_since),
        "version": endpoint.version,
        "created_at": format_time(endpoint.created_at),
        "updated_at": format_time(endpoint.updated_at),
    }


def delivery_body(delivery: Delivery, about: Mapping[str, RequestContext]) -> WebhookDelivery:
    """Write a delivery with all its attempts; `about` maps generations to the context of their requests."""
    pending, context = delivery.state == "pending", about.get(delivery.generation, NO_CONTEXT)
    return {
        "id": delivery.id,
        "generation_id": delivery.generation,
        "request_id": context["request_id"],
        "metadata": context["metadata"],
        "event_id": delivery.event,
        "type": delivery.type,
        "sequence": delivery.version,
        "state": delivery.state,
        "reason": delivery.reason,
        "example": delivery.example,
        "next_attempt_at": time_body(delivery.due_at) if pending else None,
        "created_at": format_time(delivery.created_at),
        "attempts": list(map(_attempt, delivery.attempts)),
    }


def _attempt(attempt: Attempt) -> DeliveryAttempt:
    return {
        "number": attempt.number,
        "at": format_time(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "milliseconds": attempt.milliseconds,
        "response": attempt.response,
    }


def stats_body(stats: Stats, since: datetime) -> DeliveryStatistics:
    """Write the figures of an endpoint's deliveries."""
    return {
        "since": format_time(since),
        "deliveries": {
            "pending": stats.states.get("pending", 0),
            "delivered": stats.states.get("delivered", 0),
            "failed": stats.states.get("failed", 0),
            "skipped": stats.states.get("skipped", 0),
        },
        "attempts": stats.attempts,
        "mean_milliseconds": stats.mean_milliseconds,
        "last_success_at": time_body(stats.last_success_at),
        "last_failure_at": time_body(stats.last_failure_at),
    }
