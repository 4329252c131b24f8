"""Whose turn it is among the generations that wait for a slot, and the slot given to one whose turn has come."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.accounts.slot_queue import in_turn
from domain.accounts.tiers import TIERS, Tier
from domain.generation.generation import Generation, State
from store.generations.generations import Generations
from store.quota.ledger import Account, Bounds, Ledger

_CAPACITY = 10_000
_AT_ONCE = 16
_ONE_BY_ONE = Bounds(monthly=None, concurrent=1)


async def _as_admitted(_: str) -> None:
    """Know no other tier than that of the admission."""


@dataclass(eq=False)
class SlotQueue:
    """Give free slots to the generations that wait for one, in turn.

    Only validated ones get a slot, so that nobody waits for a picture that is being decoded, or for a gateway that died
    between its hold and its append. Who gets a slot must still record it: until then a repeat finds it given.
    `current_tier` names the tier that a developer has now, whose slots count; where none is configured, those of the
    tier at admission, else one.
    """

    ledger: Ledger
    generations: Generations
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    current_tier: Callable[[str], Awaitable[str | None]] = _as_admitted
    _known: set[str] = field(default_factory=set, init=False)

    async def take_turn(self, generation: Generation) -> bool:
        """Give a free slot to a generation if its turn has come; False while it waits.

        True as well for one that does not wait.
        """
        developer = generation.request.owner.developer
        account = await self.ledger.account(developer, only=())
        if not account.waits(generation.id):
            return True
        if all(one.id != generation.id for one in await self._next(account, generation)):
            return False
        return await self.ledger.grant(developer, generation.id, bounds=await self._bounds(generation))

    async def next(self, developer: str) -> Sequence[Generation]:
        """List the generations of a developer that may have a free slot now."""
        account = await self.ledger.account(developer, only=())
        self.note(developer, account)
        return await self._next(account)

    async def next_if_known(self, developer: str) -> Sequence[Generation]:
        """List as `next`, if this process knows that the developer has a queue; else nothing, without reading."""
        return await self.next(developer) if developer in self._known else ()

    def note(self, developer: str, account: Account) -> None:
        """Remember whether a developer has a queue, as an account that was read tells."""
        if account.queue and len(self._known) < _CAPACITY:
            self._known.add(developer)
        elif not account.queue:
            self._known.discard(developer)

    async def _next(self, account: Account, own: Generation | None = None) -> Sequence[Generation]:
        """Choose as many as slots are free; `own` is validated, though perhaps not recorded as such yet."""
        chosen = list[Generation]()
        async for generation in self._ready(account, own):
            bounds = await self._bounds(generation)
            if bounds.concurrent is not None and account.running + len(chosen) >= bounds.concurrent:
                break
            chosen.append(generation)
        return chosen

    async def _ready(self, account: Account, own: Generation | None) -> AsyncIterator[Generation]:
        names = [one.generation for one in in_turn(account.queue)]
        for first in range(0, len(names), _AT_ONCE):
            for generation in await self.generations.load_all(names[first : first + _AT_ONCE]):
                if generation.state is State.VALIDATED or (own is not None and generation.id == own.id):
                    yield generation

    async def _bounds(self, generation: Generation) -> Bounds:
        request = generation.request
        for name in (await self.current_tier(request.owner.developer), request.tier):
            if name is not None and name in self.tiers:
                return Bounds.of(self.tiers[name])
        return _ONE_BY_ONE
