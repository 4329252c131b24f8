"""Count the units of each developer and month twice: by what took and returned them, and by what has them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.audit.invariants import Found, Invariant, Violation
from domain.generation.generation import Generation
from domain.generation.timings import keeps_unit


@dataclass(slots=True)
class QuotaBalance:
    """Units taken less units returned, and units that generations have, by developer and month."""

    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    used: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, generation: Generation, units: int) -> None:
        """Count a whole generation, whose events took so many units and did not return them.

        One that has ended has its unit until that is settled.
        """
        account = generation.request.owner.developer, generation.request.period
        self.moved[account] += units
        self.used[account] += not generation.final or keeps_unit(generation) or generation.quota == "held"

    def end(self) -> Iterator[Found]:
        """Compare both counts."""
        for developer, period in sorted({*self.moved, *self.used}):
            moved, used = self.moved[developer, period], self.used[developer, period]
            if moved != used:
                fault = f"taken and not returned: {moved}, used: {used}"
                yield Invariant.QUOTA, Violation(f"{developer} {period}", fault)
