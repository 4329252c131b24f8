"""Schedule webhooks: one delivery for each event that somebody asked for, by request or by endpoint.

All events of a generation are looked at, not only the one that came: messages may be lost or reordered, and
an earlier event stands in line before a later one. What is there already stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.generation.fold import fold
from domain.generation.generation import Generation, id_of, stream_of
from domain.webhooks.delivery import delivery_id, types_of
from domain.webhooks.endpoint import default_endpoint, endpoint_of
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import Delivery
from store.webhooks.endpoints import Registered
from store.webhooks.webhooks import Webhooks

NAME = "delivery"
_GENERATIONS = "generation-"


class Needs(Protocol):
    """What of the actors' things scheduling uses."""

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def personal_data(self) -> PersonalDataStore: ...

    @property
    def visible(self) -> Callable[[RecordedEvent], dict[str, Any] | None]: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...


async def handle(event: RecordedEvent, *, hands: Needs) -> None:
    """On what its owner may see: schedule it; on an endpoint's own events: bring its row up to date."""
    if event.stream.startswith(_GENERATIONS):
        await schedule(id_of(event.stream), hands)
    else:
        await hands.webhooks.project(endpoint_of(event.stream))


async def schedule(generation_id: str, hands: Needs) -> None:
    """Keep a delivery for every event of a generation that somebody wants; repeatable."""
    commits = await hands.webhooks.events.read(stream_of(generation_id))
    events = [event for commit in commits for event in commit.events]
    generation = fold(events)
    if generation is None:
        return
    oldest = hands.clock() - hands.webhooks.settings.keep
    shown = [event for event in events if event.time > oldest and hands.visible(event) is not None]
    registered = await hands.webhooks.rows.of_project(generation.request.owner.project)
    wanted = [delivery for one in registered for delivery in _for_endpoint(one, shown, generation, hands)]
    await hands.webhooks.deliveries.add([*wanted, *await _for_request(shown, generation, hands)])


async def _for_request(
    events: Sequence[RecordedEvent], generation: Generation, hands: Needs
) -> list[Delivery]:
    types = types_of(generation.request.webhook_events)
    wanted = [event for event in events if event.type in types]
    personal_data = (
        await hands.personal_data.get(generation.id, generation.request.personal_data) if wanted else None
    )
    if personal_data is None or personal_data.webhook is None:
        return []
    endpoint = default_endpoint(generation.request.owner.project)
    return list(_deliveries(endpoint, personal_data.webhook, wanted, generation, hands))


def _for_endpoint(
    registered: Registered, events: Iterable[RecordedEvent], generation: Generation, hands: Needs
) -> Iterator[Delivery]:
    endpoint = registered.endpoint
    wanted = [event for event in events if endpoint.hears(event)]
    pending = endpoint.disabled is None
    yield from _deliveries(endpoint.id, registered.url, wanted, generation, hands, pending=pending)


def _deliveries(
    endpoint: str,
    url: str,
    events: Iterable[RecordedEvent],
    generation: Generation,
    hands: Needs,
    *,
    pending: bool = True,
) -> Iterator[Delivery]:
    now, host = hands.clock(), hands.webhooks.host_of(url)
    for event in events:
        yield Delivery(
            id=delivery_id(endpoint, event.id),
            endpoint=endpoint,
            project=generation.request.owner.project,
            generation=generation.id,
            event=event.id,
            type=event.type,
            version=event.version,
            final=event.type in CATALOGUE.final,
            host=host,
            event_time=event.time,
            created_at=now,
            expire_at=event.time + 2 * hands.webhooks.settings.keep,
            state="pending" if pending else "skipped",
            reason=None if pending else "endpoint_disabled",
            due_at=now if pending else None,
        )
