"""The event hub and the event routes of one gateway."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.generation.feed_cursor import FeedCursors
from gateway.accounts.identity import IdentityRoutes
from gateway.auth.account_status import AccountStatus
from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.event_hub import EventHub
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.feed_reader import FeedReader
from gateway.events.feed_routes import FeedRoutes
from gateway.events.generation_routes import GenerationEventRoutes
from gateway.events.session_revalidation import SessionRevalidation
from gateway.events.settings import StreamSettings
from gateway.events.tickets import Tickets
from gateway.generations.routes import GenerationRoutes
from store.commits.contract import EventStore
from store.log.feeds import Feeds


@dataclass(frozen=True, slots=True, kw_only=True)
class EventServices:
    broadcaster: Broadcaster
    connections: Connections
    feed_cursors: FeedCursors
    feed_reader: FeedReader
    feed_broadcaster: FeedBroadcaster
    tickets: Tickets
    recheck: float


def open_event_hub(
    events: EventStore, feeds: Feeds, *, secret: bytes, settings: StreamSettings
) -> EventServices:
    feed_cursors = FeedCursors(hmac.digest(secret, b"cursors", "sha256"))
    feed_reader = FeedReader(feeds, feed_cursors)
    return EventServices(
        broadcaster=Broadcaster(events, poll=settings.poll),
        connections=Connections(settings),
        feed_cursors=feed_cursors,
        feed_reader=feed_reader,
        feed_broadcaster=FeedBroadcaster(feeds, feed_reader, period=settings.tail),
        tickets=Tickets(hmac.digest(secret, b"tickets", "sha256")),
        recheck=settings.recheck,
    )


def event_routes(
    app_services: EventServices,
    *,
    events: EventStore,
    door: IdentityRoutes,
    owned: GenerationRoutes,
    clock: Callable[[], datetime],
) -> tuple[Sequence[web.RouteDef], EventHub]:
    services = app_services
    account_status = AccountStatus(accounts=door.accounts, peppers=door.peppers, tiers=door.tiers)
    event_access = EventAccess(
        authenticator=door.authenticator,
        account_status=account_status,
        tickets=services.tickets,
        links=owned.links,
        clock=clock,
    )
    one = GenerationEventRoutes(
        owned=owned,
        events=events,
        broadcaster=services.broadcaster,
        connections=services.connections,
        event_access=event_access,
    )
    feeds = FeedRoutes(
        door=door,
        generations=owned.generations,
        feed_reader=services.feed_reader,
        feed_broadcaster=services.feed_broadcaster,
        feed_cursors=services.feed_cursors,
        connections=services.connections,
        event_access=event_access,
    )
    hub = EventHub(
        broadcaster=services.broadcaster,
        feed_broadcaster=services.feed_broadcaster,
        connections=services.connections,
        session_revalidation=SessionRevalidation(
            services.connections, account_status, period=services.recheck
        ),
    )
    return [*one.routes(), *feeds.routes()], hub
