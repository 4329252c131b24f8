from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from actors.broker import LOGGED
from store.backoff import Backoff
from store.errors import StoreUnavailableError, UnreadableCommitError
from store.fault_name import fault_name
from store.log.parking import Parked, Parking
from store.log.sealed_log import SealedCommit, SealedLog
from store.log.subscriptions import SubscriberCheckpoints

_PAGE = 200
_PARKED_EVERY = 5.0  # seconds
_PARKED_AT_ONCE = 20
_BACKOFF = Backoff(first=5, longest=3600)

Handle = Callable[[Sequence[SealedCommit]], Awaitable[None]]

log = structlog.get_logger()


@dataclass(eq=False, slots=True, kw_only=True)
class CatchUp:
    """A catch-up subscription of the sealed log: a lost message is late, not lost.

    The position moves after the work, so that a crash repeats work and never skips it. A commit that cannot
    be handled is parked: later ones go on, and it is tried again with growing delays until it succeeds.
    The position is remembered: while another scheduler holds the lease it is too low, which only repeats work.
    """

    name: str
    handle: Handle
    sealed_log: SealedLog
    subscriptions: SubscriberCheckpoints
    parking: Parking
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _position: int | None = field(default=None, init=False)
    _parked_at: float | None = field(default=None, init=False)

    async def run(self) -> int:
        """Handle the log up to its end; return how many commits.

        Raises StoreUnavailableError: then the position has not passed anything that was not done.
        """
        await self._retry_parked()
        handled = 0
        position = await self.subscriptions.position(self.name) if self._position is None else self._position
        while entries := await self.sealed_log.read(after=position, limit=_PAGE):
            await self._handle_page(entries)
            position = entries[-1].position
            await self.subscriptions.advance(self.name, position)
            self._position = position
            handled += len(entries)
            if len(entries) < _PAGE:
                break
        self._position = position
        return handled

    async def _handle_page(self, entries: Sequence[SealedCommit]) -> None:
        """Handle a page; when that fails, its commits one by one, to find the one at fault."""
        readable = [entry for entry in entries if not entry.damaged]
        for entry in entries:
            if entry.damaged:
                await self._handle_one(entry, None)
        try:
            await self.handle(readable)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the commit at fault is logged where it is parked
            if all([await self._handle_one(entry, None) for entry in readable]):
                log.warning("subscriber_failed", subscriber=self.name, error=error)

    async def _retry_parked(self) -> None:
        now = self.monotonic()
        if self._parked_at is not None and now < self._parked_at + _PARKED_EVERY:
            return
        self._parked_at = now
        for parked in await self.parking.due(self.name, self.clock(), limit=_PARKED_AT_ONCE):
            entries = await self.sealed_log.read(after=parked.position - 1, limit=1)
            if not entries or entries[0].position != parked.position:
                await self._park(parked, parked.error)  # an audit reports what cannot be read
            elif await self._handle_one(entries[0], parked):
                await self.parking.release(self.name, parked.position)
                log.info(
                    "parked_commit_handled",
                    subscriber=self.name,
                    commit=parked.commit,
                    tries=parked.tries + 1,
                )

    async def _handle_one(self, entry: SealedCommit, parked: Parked | None) -> bool:
        """Handle one commit; park it when that fails, for longer after each try."""
        try:
            await self._handle_readable(replace(entry, late=parked is not None))
        except StoreUnavailableError:
            raise
        except Exception as error:
            before = parked or self._not_parked(entry)
            traced = LOGGED in getattr(error, "__notes__", ())
            log.warning(
                "commit_parked",
                subscriber=self.name,
                commit=before.commit,
                tries=before.tries + 1,
                error=fault_name(error),
                exc_info=not traced,
            )
            await self._park(before, fault_name(error))
            return False
        return True

    async def _handle_readable(self, entry: SealedCommit) -> None:
        if entry.damaged:
            raise UnreadableCommitError(entry.id)
        await self.handle([entry])

    async def _park(self, parked: Parked, error: str) -> None:
        tries = parked.tries + 1
        due_at = self.clock() + timedelta(seconds=_BACKOFF.delay(tries))
        await self.parking.park(replace(parked, error=error, tries=tries, due_at=due_at))

    def _not_parked(self, entry: SealedCommit) -> Parked:
        now = self.clock()
        return Parked(
            subscriber=self.name,
            position=entry.position,
            commit=entry.id,
            error="",
            tries=0,
            since=now,
            due_at=now,
        )
