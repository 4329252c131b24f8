"""What one delivery sends, and where; or why nothing is sent any more."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.webhooks.delivery import Ended
from domain.webhooks.endpoint import default_endpoint
from domain.webhooks.examples import example_of
from events.envelope import RecordedEvent, format_time
from events.generation import GenerationErased
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import Delivery
from store.webhooks.webhooks import Webhooks

_PATH = "/api/v1/generation/generations-v2"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a delivery goes; `failing` when the endpoint's last answer was none."""

    url: str = field(repr=False)
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and where it goes."""

    target: Target
    body: bytes = field(repr=False)


class Sources(Protocol):
    """What letters are written from."""

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def personal_data(self) -> PersonalDataStore: ...

    @property
    def visible(self) -> Callable[[RecordedEvent], dict[str, Any] | None]: ...

    @property
    def public_url(self) -> str | None: ...


async def letter_of(delivery: Delivery, sources: Sources) -> Letter | Ended:
    """Write the letter of a delivery as of now, or tell why there is none any more."""
    if delivery.example:
        return await _example(delivery, sources)
    commits = await sources.webhooks.events.read(stream_of(delivery.generation))
    story = [event for commit in commits for event in commit.events]
    generation = fold(story)
    if generation is None or generation.version < delivery.version:
        return "no_event"
    ended = await _ended(delivery, story[delivery.version - 1], generation, sources)
    if ended is not None:
        return ended
    target = await _target(delivery, generation, sources)
    return target if isinstance(target, str) else Letter(target, _body(delivery, story, sources))


async def _ended(
    delivery: Delivery, event: RecordedEvent, generation: Generation, sources: Sources
) -> Ended | None:
    """Tell who has left; of what was deleted only the erasure itself is told."""
    left = await sources.webhooks.owners.left(delivery.project, generation.request.owner.user)
    if left == "project_deleted":
        return left
    if isinstance(event.event, GenerationErased):
        return None
    return "generation_deleted" if generation.gone else left


async def _target(delivery: Delivery, generation: Generation, sources: Sources) -> Target | Ended:
    if delivery.endpoint != default_endpoint(delivery.project):
        return await _registered(delivery, sources)
    if await sources.webhooks.deliveries.is_gone(delivery):
        return "gone"
    personal_data = await sources.personal_data.get(generation.id, generation.request.personal_data)
    return Target(personal_data.webhook) if personal_data and personal_data.webhook else "no_address"


async def _registered(delivery: Delivery, sources: Sources) -> Target | Ended:
    found = await sources.webhooks.rows.get(delivery.endpoint)
    if found is None:
        return "endpoint_removed"
    if found.endpoint.disabled:
        return "endpoint_disabled"
    return Target(found.url, failing=found.failing_since is not None)


async def _example(delivery: Delivery, sources: Sources) -> Letter | Ended:
    left = await sources.webhooks.owners.left(delivery.project, None)
    target = left or await _registered(delivery, sources)
    if isinstance(target, str):
        return target
    example = example_of(delivery.type, now=delivery.created_at)
    resource = {"id": delivery.generation, "example": True}
    return Letter(target, _message(example, resource, delivery, sources))


def _body(delivery: Delivery, story: Sequence[RecordedEvent], sources: Sources) -> bytes:
    """Write the message. It follows from the log alone, so every attempt sends the same bytes."""
    then = fold(story[: delivery.version])
    assert then is not None  # noqa: S101 - the story has at least that many events
    owner = then.request.owner
    resource: dict[str, Any] = {"id": then.id, "status": then.status, "user_id": owner.user}
    return _message(story[delivery.version - 1], resource, delivery, sources)


def _message(event: RecordedEvent, resource: dict[str, Any], delivery: Delivery, sources: Sources) -> bytes:
    data = {**resource, "project_id": delivery.project, "version": event.version}
    if sources.public_url is not None:
        data["url"] = f"{sources.public_url.rstrip('/')}{_PATH}/{delivery.generation}"
    message = {
        "type": event.type,
        "timestamp": format_time(event.time),
        "data": {**data, "event": sources.visible(event)},
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
