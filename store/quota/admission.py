import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil

import structlog

from domain.accounts.quota import period_of, seconds_to_next_period, seconds_to_release
from domain.accounts.slot_wait import seconds_to_slot
from domain.accounts.tiers import TIERS, Tier
from domain.controls.held_slots import seconds_held
from domain.errors import ErrorCode, LimitError, LimitReason
from domain.generation.decisions import settle_quota
from domain.generation.forecast import slot_since
from domain.generation.generation import Generation
from domain.generation.timings import is_run_in_vain, keeps_unit
from events.envelope import Cause
from store.controls.current import CurrentControls
from store.errors import StoreUnavailableError
from store.generations.generations import Decision, Generations
from store.generations.projection import Projection
from store.quota.durations import Durations, no_durations
from store.quota.ledger import Account, Bounds, Ledger, Settlement, Slot

_CAUSE = Cause(actor="actor:quota")
_FRESH = timedelta(seconds=1)
_APPEND_S = 0.25  # far longer than from a hold to its append in normal operation
_CAPACITY = 10_000

log = structlog.get_logger()


@dataclass(eq=False)
class Admission:
    """Hold a unit for each generation; before a refusal, settle the holds of final generations."""

    ledger: Ledger
    generations: Generations
    clock: Callable[[], datetime]
    durations: Durations = no_durations
    projection: Projection | None = None
    current_controls: CurrentControls | None = None
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    _recent: dict[str, tuple[datetime, Account]] = field(default_factory=dict, init=False)
    _reading: dict[str, asyncio.Task[Account]] = field(default_factory=dict, init=False)

    async def hold(
        self,
        developer: str,
        generation: str,
        *,
        period: str,
        bounds: Bounds,
        durable: bool = False,
        queue_for: str | None = None,
    ) -> Slot:
        """Take a slot and a unit, or raise LimitError; final holders are settled before a refusal.

        With `queue_for`, a user, take a place in the queue where no slot is free.
        """
        hold = partial(self.ledger.hold, developer, generation, period=period, bounds=bounds, durable=durable)
        slot = await hold(now=self.clock())
        if slot is None and await self._settle_over(await self.ledger.account(developer)):
            slot = await hold(now=self.clock())
        if slot is None and queue_for is not None and bounds.concurrent is not None:
            slot = await hold(now=self.clock(), queue_for=queue_for)
        if slot is None:
            account = await self.ledger.account(developer)
            raise await self._refusal(developer, account, period, bounds, queue=bool(queue_for))
        self._add(developer, slot)
        return slot

    async def require_free_slot(self, developer: str, bounds: Bounds, *, queue: bool = False) -> None:
        """Raise LimitError when there is no room now, with `queue` not even to wait; nothing is held."""
        if (bounds.monthly, bounds.concurrent) != (None, None):
            await self.free_account(developer, bounds, queue=queue)

    async def free_account(self, developer: str, bounds: Bounds, *, queue: bool = False) -> Account:
        """Read the account in which `hold` would take a slot and a unit now, or raise its LimitError.

        With `queue` a place in the queue is enough.
        """
        period = period_of(self.clock())
        account = await self._read(developer, bounds)
        if not account.has_capacity(period, bounds) and await self._settle_over(await self.ledger.account(developer)):
            account = await self.ledger.account(developer)
        if account.counted == 0:  # others may be final: `recent_account` reads more
            self._remember(developer, account)
        if not account.has_capacity(period, bounds, queue=queue):
            raise await self._refusal(developer, account, period, bounds, queue=queue)
        return account

    async def recent_account(self, developer: str, bounds: Bounds) -> Account:
        """Read a developer's account, at most a second old; final holders are not counted."""
        now = self.clock()
        known = self._recent.get(developer)
        if known is not None and timedelta() <= now - known[0] < _FRESH:
            return known[1]
        reading = self._reading.get(developer)
        if reading is None:
            reading = asyncio.create_task(self._exact(developer, bounds))
            self._reading[developer] = reading
            reading.add_done_callback(lambda _: self._reading.pop(developer, None))
        return await asyncio.shield(reading)

    async def account(self, developer: str) -> Account:
        """Read a developer's account in the ledger."""
        return await self.ledger.account(developer)

    async def is_queued(self, developer: str, generation: str) -> bool:
        """Tell whether a generation waits for a slot."""
        return (await self.ledger.account(developer, only=())).waits(generation)

    async def account_of(self, developer: str, generation: str) -> Account:
        """Read a developer's account with the slot of one generation, if no lost server can undo its hold."""
        return await self.ledger.account(developer, only=[generation], durable=True)

    async def settle(self, generation: Generation) -> None:
        """Spend or release what a final generation holds; repeatable, before and after its event in the log.

        Only the hold that the log names is spent: another one came too late, and is released.
        """
        if generation.quota == "held" and is_run_in_vain(generation):  # only the log tells whether it costs a unit
            decision = await self.settlement(generation)
            decided = await self.generations.decide(generation.id, decision, cause=_CAUSE)
            generation = decided.generation if decided else generation
        settlement: Settlement = "spent" if keeps_unit(generation) else "released"
        owner, period = generation.request.owner, generation.request.period
        await self.ledger.settle(owner.developer, generation.id, settlement, hold=generation.hold, period=period)
        self._recent.pop(owner.developer, None)

    async def settlement(self, generation: Generation) -> Decision:
        """Decide whether a final generation costs a unit: runs in vain do, beyond those that its tier allows."""
        request, charge = generation.request, False
        tier = self.tiers.get(request.tier)
        if self.projection is not None and tier and tier.uncharged is not None and is_run_in_vain(generation):
            made = await self.projection.uncharged(request.owner.developer, request.period)
            charge = made >= tier.uncharged
        return partial(settle_quota, charge=charge)

    async def release(self, developer: str, generation: str, *, held_once: bool = False) -> None:
        """Release a hold whose generation was never appended; with `held_once` only if nobody repeated it."""
        await self.ledger.settle(developer, generation, "released", held_once=held_once)
        self._recent.pop(developer, None)

    async def sweep(self, *, older_than: datetime) -> int:
        """Free the slots of final generations and of those without a stream; return their number."""
        freed = 0
        slots = defaultdict[str, list[str]](list)
        for developer, slot in await self.ledger.old_slots(older_than):
            slots[developer].append(slot.generation)
        for developer, names in slots.items():
            done = await asyncio.gather(
                *(self._free(developer, name, older_than) for name in names), return_exceptions=True
            )
            freed += done.count(True)
            _report_failures(developer, done)
        return freed + await self.ledger.reconcile()

    async def _free(self, developer: str, generation_id: str, older_than: datetime) -> bool:
        generation = await self.generations.load(generation_id)
        if generation is None:
            # Only if it is as old as it was read: a request that repeated the hold since is about to append.
            await self.ledger.settle(developer, generation_id, "released", held_before=older_than)
        elif generation.final:
            await self.settle(generation)
        return generation is None or generation.final

    async def _settle_over(self, account: Account) -> bool:
        ended = await self._ended(account)
        finished = await self.generations.load_all([name for name, is_over in ended.items() if is_over])
        await asyncio.gather(*(self.settle(generation) for generation in finished))
        return bool(finished)

    async def _exact(self, developer: str, bounds: Bounds) -> Account:
        account = await self._read(developer, bounds)
        if account.slots and await self._settle_over(account):
            account = await self.ledger.account(developer)
        self._remember(developer, account)
        return account

    async def _read(self, developer: str, bounds: Bounds) -> Account:
        """Read an account, without its slots where their number has no limit."""
        return await self.ledger.account(developer, only=() if bounds.concurrent is None else None)

    def _add(self, developer: str, slot: Slot) -> None:
        """Add a hold to a cached account without others: these may be final by now."""
        at, account = self._recent.pop(developer, (None, None))
        if at is not None and account is not None and account.counted == 0:
            self._recent[developer] = at, account.with_hold(slot)

    def _remember(self, developer: str, account: Account) -> None:
        if len(self._recent) >= _CAPACITY:
            self._recent.clear()
        self._recent[developer] = self.clock(), account

    async def _refusal(
        self, developer: str, account: Account, period: str, bounds: Bounds, *, queue: bool
    ) -> LimitError:
        now = self.clock()
        if bounds.monthly is not None and account.used_in(period) >= bounds.monthly:
            # The month may have changed since the request: then the next one has room at once.
            wait = seconds_to_next_period(now) if period_of(now) == period else 1
            return LimitError(ErrorCode.GENERATION_LIMIT, wait, reason="month")
        full: LimitReason = "queue" if queue and bounds.queued else "slots"
        return LimitError(ErrorCode.GENERATION_LIMIT, await self._wait(developer, account), reason=full)

    async def _wait(self, developer: str, account: Account) -> int:
        """Estimate the seconds until a slot is free; a fresh holder gets time to append its first event."""
        begun = await self._ended(account)
        fresh = self.clock() - _FRESH
        if any(slot.since > fresh for slot in account.slots if slot.generation not in begun):
            await asyncio.sleep(_APPEND_S)
        return max(1, ceil(await self.seconds_to_slot(developer, account, ahead=len(account.queue))))

    async def seconds_to_slot(
        self, developer: str, account: Account, *, ahead: int, concurrent: int | None = None
    ) -> float:
        """Estimate the seconds until a slot is free for the one behind `ahead` others that wait.

        `concurrent` is the number of slots, where some may be free now.
        """
        now, slots = self.clock(), [slot for slot in account.slots if not account.waits(slot.generation)]
        found = await self.generations.load_all([slot.generation for slot in slots])
        since = {one.id: slot_since(one) or now for one in found}
        held = seconds_held(await self.current_controls.get(), found, now) if self.current_controls else {}
        orphans = [seconds_to_release(slot.since, now) for slot in slots if slot.generation not in since]
        free = [0.0] * max(0, (concurrent or 0) - len(slots))
        return seconds_to_slot(
            [max(0.0, (now - begun).total_seconds()) for name, begun in since.items() if name not in held],
            await self.durations(developer),
            ahead=ahead,
            certain=[*orphans, *free, *held.values()],
        )

    async def _ended(self, account: Account) -> Mapping[str, bool]:
        return await self.generations.ended([slot.generation for slot in account.slots])


def _report_failures(developer: str, done: Sequence[bool | BaseException]) -> None:
    """Log the failures of one developer; raise what concerns all developers."""
    for error in done:
        if isinstance(error, StoreUnavailableError) or not isinstance(error, bool | Exception):
            raise error
        if isinstance(error, Exception):
            log.warning("hold_not_freed", developer=developer, error=error)
