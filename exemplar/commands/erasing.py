from collections.abc import Callable
from dataclasses import dataclass

from domain.generation.listing import Scope
from events.envelope import Cause
from events.erasure import Grounds
from store.erasures.erasures import Erasure, ErasureKind, Erasures
from store.generations.scope_erasure import ErasedPage, ScopeErasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """Erase in the store, without gateway and scheduler, as far as that can be done at once."""

    erasures: Erasures
    scope_erasure: ScopeErasure

    async def find(self, kind: ErasureKind, name: str) -> Erasure:
        """Count what is left of something; ExemplarError `not_found`."""
        return await self.erasures.find(kind, name)

    async def erase(
        self, found: Erasure, grounds: Grounds, cause: Cause, show: Callable[[int, int], None]
    ) -> tuple[Erasure, int]:
        """Record it, and erase the generations; return what is left, and how many could not be read.

        Repeatable, and may be interrupted anywhere. `show` gets the generations that were tried, and all of them.
        """
        requested = await self.erasures.request(found, grounds, cause)
        if requested.kind == "generation":
            return requested, 0
        scope = Scope(requested.project, requested.id if requested.kind == "user" else None)
        done = ErasedPage()
        while True:
            page = await self.scope_erasure.erase_page(scope, done.next_cursor, grounds=grounds, cause=cause)
            done = done.and_then(page)
            show(min(done.found, requested.generations), requested.generations)
            if done.next_cursor is None:
                return await self.erasures.find(requested.kind, requested.id), done.damaged
