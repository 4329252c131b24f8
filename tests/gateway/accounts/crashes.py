"""Gateways that die, or freeze, at a chosen moment of a change."""

import asyncio
from typing import Any, cast

from domain.accounts.developer import Developer
from events.commit import Commit
from events.envelope import RecordedEvent
from store.accounts.changes import AccountChanges
from store.accounts.developers import Developers
from store.accounts.platform import PlatformChanges
from store.accounts.projector import AccountProjector
from store.commits.contract import EventStore
from store.errors import StoreUnavailableError
from tests.gateway.accounts.house import House


class Crashing(AccountProjector):
    """Dies before it writes anything."""

    async def apply(self, developer_id: str, recorded: RecordedEvent) -> None:
        raise StoreUnavailableError(f"crash before {recorded.type} of {developer_id}")


class CrashingPlatform(PlatformChanges):
    """Dies between the event and the document."""

    async def _apply(self, recorded: RecordedEvent) -> None:
        raise StoreUnavailableError(f"crash before {recorded.type}")


def crashing_platform(house: House) -> PlatformChanges:
    """A gateway that dies right behind the event of the platform's people."""
    store = house.store
    return CrashingPlatform(store.accounts.database, store.events, store.drafts, clock=house.clock)


class Dying(Developers):
    """Dies before the event is appended."""

    async def _decide(self, *_: object) -> None:
        raise asyncio.CancelledError


def crashing(house: House) -> AccountChanges:
    """A gateway that dies right behind the event."""
    projector = Crashing(house.store.client.get_default_database())
    developers = Developers(house.store.events, projector, clock=house.clock)
    return AccountChanges(house.store.accounts, house.store.drafts, developers)


def dying(house: House) -> AccountChanges:
    """A gateway that dies right before it."""
    developers = Dying(house.store.events, house.store.account_projector, clock=house.clock)
    return AccountChanges(house.store.accounts, house.store.drafts, developers)


class Slow(Developers):
    """Looks at the log, and then cannot go on before it is told."""

    async def catch_up(self, developer_id: str) -> Developer | None:
        found = await super().catch_up(developer_id)
        self.looked.set()
        return found

    looked: asyncio.Event
    go_on: asyncio.Event


class Waiting:
    """An event store whose first append waits."""

    def __init__(self, events: EventStore, go_on: asyncio.Event) -> None:
        self._events = events
        self._go_on = go_on
        self.arrived = asyncio.Event()

    async def append(self, *args: Any, **more: Any) -> Commit:
        self.arrived.set()
        await self._go_on.wait()
        return await self._events.append(*args, **more)

    async def read(self, *args: Any, **more: Any) -> Any:
        return await self._events.read(*args, **more)


def slow(house: House) -> tuple[AccountChanges, Slow]:
    """A gateway that is frozen between its look at its draft and the append."""
    go_on = asyncio.Event()
    # A frozen process has asked whether its draft stands, and stands before the append.
    events = cast("EventStore", Waiting(house.store.events, go_on))
    developers = Slow(events, house.store.account_projector, clock=house.clock)
    developers.looked, developers.go_on = asyncio.Event(), go_on
    return AccountChanges(house.store.accounts, house.store.drafts, developers), developers


async def frozen(developers: Slow) -> None:
    """Wait until it stands right before its append."""
    await developers.looked.wait()
    waiting = developers._events
    assert isinstance(waiting, Waiting)
    await waiting.arrived.wait()
