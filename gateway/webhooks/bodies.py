"""Response bodies of endpoints and deliveries."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from domain.webhooks.delivery import Delivery
from events.envelope import format_time
from gateway.accounts.bodies import time_body
from store.webhooks.deliveries import Stats
from store.webhooks.endpoints import RegisteredEndpoint


def endpoint_body(registered: RegisteredEndpoint) -> dict[str, Any]:
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


def delivery_body(delivery: Delivery, about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Write a delivery with all its attempts; `about` maps generations to `request_id` and `metadata`."""
    pending = delivery.state == "pending"
    return {
        "id": delivery.id,
        "generation_id": delivery.generation,
        **about.get(delivery.generation, {"request_id": None, "metadata": {}}),
        "event_id": delivery.event,
        "type": delivery.type,
        "sequence": delivery.version,
        "state": delivery.state,
        "reason": delivery.reason,
        "example": delivery.example,
        "next_attempt_at": time_body(delivery.due_at) if pending else None,
        "created_at": format_time(delivery.created_at),
        "attempts": [{**asdict(attempt), "at": format_time(attempt.at)} for attempt in delivery.attempts],
    }


def stats_body(stats: Stats, since: datetime) -> dict[str, Any]:
    """Write the figures of an endpoint's deliveries."""
    states = {name: stats.states.get(name, 0) for name in ("pending", "delivered", "failed", "skipped")}
    return {
        "since": format_time(since),
        "deliveries": states,
        "attempts": stats.attempts,
        "mean_milliseconds": stats.mean_milliseconds,
        "last_success_at": time_body(stats.last_success_at),
        "last_failure_at": time_body(stats.last_failure_at),
    }
