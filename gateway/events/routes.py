"""Everything that lets clients read events as they happen, put together for the door."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from gateway.accounts.identity import IdentityRoutes
from gateway.auth.account_status import AccountStatus
from gateway.events.event_hub import EventHub
from gateway.events.feed_routes import FeedRoutes
from gateway.events.generation_routes import StreamRoutes
from gateway.events.readers import Readers
from gateway.events.session_revalidation import SessionRevalidation
from gateway.generations.routes import GenerationRoutes
from store.commits.contract import EventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRoom:
    """The routes of events and the guard of open streams, who looks every `recheck` seconds."""

    event_hub: EventHub
    events: EventStore
    door: IdentityRoutes
    owned: GenerationRoutes
    recheck: float
    clock: Callable[[], datetime]

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        readers = Readers(
            authenticator=self.door.authenticator,
            account_status=self._standing,
            tickets=self.event_hub.tickets,
            links=self.owned.links,
            clock=self.clock,
        )
        one = StreamRoutes(
            owned=self.owned,
            events=self.events,
            broadcaster=self.event_hub.broadcaster,
            connections=self.event_hub.connections,
            readers=readers,
        )
        wider = FeedRoutes(
            door=self.door,
            generations=self.owned.generations,
            feeds=self.event_hub.feeds,
            cursors=self.event_hub.cursors,
            connections=self.event_hub.connections,
            readers=readers,
        )
        return [*one.table(), *wider.table()]

    def install(self, app: web.Application) -> None:
        """Follow the log, and look after its readers, while an application runs."""
        self.event_hub.install(app)
        SessionRevalidation(self.event_hub.connections, self._standing, period=self.recheck).install(app)

    @property
    def _standing(self) -> AccountStatus:
        return AccountStatus(accounts=self.door.accounts, peppers=self.door.peppers, tiers=self.door.tiers)
