"""The controls of operators, without a store."""

from dataclasses import replace

from domain.controls.controls import Control, Controls, Target
from events.control import Submissions
from tests.builders.generation import START


def control(target: Target, submissions: Submissions = "queue", limit: int | None = None) -> Control:
    """Make a control for an incident since the start of the clock."""
    return Control(target, submissions, "incident", START, limit=limit)


class FixedControls:
    """Controls that a test sets."""

    def __init__(self, *controls: Control) -> None:
        self.controls = Controls()
        self.set(*controls)

    def set(self, *controls: Control) -> None:
        """Put these controls in force, and no others."""
        self.controls = replace(self.controls, by_name={one.target.name: one for one in controls})

    async def get(self, *, at_most: float = 1.0) -> Controls:
        return self.controls

    async def fresh(self) -> Controls:
        return self.controls
