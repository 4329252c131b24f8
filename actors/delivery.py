"""Schedule webhooks: one delivery for each event that somebody asked for, by request or by endpoint.

All events of a generation are looked at, not only the one that came: messages may be lost or reordered, and
an earlier event stands in line before a later one. What is there already stays as it is.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from actors.hands import Hands
from domain.addresses import ForbiddenAddressError, destination_of
from domain.endpoint import default_endpoint, endpoint_of
from domain.generation import Generation, fold, id_of, stream_of
from domain.webhooks import FINAL_TYPES, delivery_id, types_of
from events.envelope import RecordedEvent
from store.deliveries import Delivery
from store.endpoints import Registered

NAME = "delivery"
GENERATIONS = "generation-"


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On what its owner may see: schedule it; on an endpoint's own events: bring its row up to date."""
    if not event.stream.startswith(GENERATIONS):
        await hands.webhooks.project(endpoint_of(event.stream))
    elif hands.visible(event) is not None:
        await schedule(id_of(event.stream), hands)


async def schedule(generation_id: str, hands: Hands) -> None:
    """Keep a delivery for every event of a generation that somebody wants; repeatable."""
    commits = await hands.events.read(stream_of(generation_id))
    events = [event for commit in commits for event in commit.events]
    generation = fold(events)
    if generation is None:
        return
    oldest = hands.clock() - hands.webhook_settings.keep
    shown = [event for event in events if event.time > oldest and hands.visible(event) is not None]
    registered = await hands.webhooks.rows.of_project(generation.request.owner.project)
    wanted = [delivery for one in registered for delivery in _for_endpoint(one, shown, generation, hands)]
    await hands.webhooks.deliveries.add([*wanted, *await _for_request(shown, generation, hands)])


async def _for_request(
    events: Sequence[RecordedEvent], generation: Generation, hands: Hands
) -> list[Delivery]:
    types = types_of(generation.request.webhook_events)
    wanted = [event for event in events if event.type in types]
    words = await hands.words.get(generation.id, generation.request.words) if wanted else None
    if words is None or words.webhook is None:
        return []
    endpoint = default_endpoint(generation.request.owner.project)
    return list(_deliveries(endpoint, words.webhook, wanted, generation, hands))


def _for_endpoint(
    registered: Registered, events: Iterable[RecordedEvent], generation: Generation, hands: Hands
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
    hands: Hands,
    *,
    pending: bool = True,
) -> Iterator[Delivery]:
    now, host = hands.clock(), host_key(url, hands.webhook_settings.allow)
    for event in events:
        yield Delivery(
            id=delivery_id(endpoint, event.id),
            endpoint=endpoint,
            project=generation.request.owner.project,
            generation=generation.id,
            event=event.id,
            type=event.type,
            version=event.version,
            final=event.type in FINAL_TYPES,
            host=host,
            event_time=event.time,
            created_at=now,
            state="pending" if pending else "skipped",
            due_at=now if pending else None,
        )


def host_key(url: str, allow: Sequence[str]) -> str:
    """Name a destination without saying its name: for counting what is under way to it."""
    try:
        destination = destination_of(url, allow)
    except ForbiddenAddressError:
        return ""
    return hashlib.sha256(f"{destination.host}:{destination.port}".encode()).hexdigest()[:16]
