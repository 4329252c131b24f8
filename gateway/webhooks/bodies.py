"""Endpoints and deliveries as a developer sees them."""

from datetime import datetime
from typing import Any

from events.envelope import format_time
from gateway.accounts.bodies import time_body
from store.webhooks.deliveries import Attempt, Delivery, Stats
from store.webhooks.endpoints import Registered


def endpoint_body(registered: Registered) -> dict[str, Any]:
    """Write an endpoint; its secret is never part of it."""
    endpoint = registered.endpoint
    return {
        "id": endpoint.id,
        "url": registered.url,
        "description": registered.description,
        "event_types": list(endpoint.listens),
        "enabled": endpoint.disabled is None,
        "disabled_reason": endpoint.disabled,
        "failing_since": time_body(registered.failing_since),
        "version": endpoint.version,
        "created_at": format_time(endpoint.created_at),
        "updated_at": format_time(endpoint.updated_at),
    }


def delivery_body(delivery: Delivery) -> dict[str, Any]:
    """Write a delivery with all its attempts."""
    pending = delivery.state == "pending"
    return {
        "id": delivery.id,
        "generation_id": delivery.generation,
        "event_id": delivery.event,
        "type": delivery.type,
        "sequence": delivery.version,
        "state": delivery.state,
        "reason": delivery.reason,
        "example": delivery.example,
        "next_attempt_at": time_body(delivery.due_at) if pending else None,
        "created_at": format_time(delivery.created_at),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def stats_body(stats: Stats, since: datetime) -> dict[str, Any]:
    """Write an endpoint's numbers."""
    states = {name: stats.states.get(name, 0) for name in ("pending", "delivered", "failed", "skipped")}
    return {
        "since": format_time(since),
        "deliveries": states,
        "attempts": stats.attempts,
        "mean_milliseconds": stats.mean_milliseconds,
        "last_success_at": time_body(stats.last_success_at),
        "last_failure_at": time_body(stats.last_failure_at),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": format_time(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "milliseconds": attempt.milliseconds,
        "response": attempt.response,
    }
