"""Slots whose generations an operator holds back: they are free when that ends, whatever others last."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.controls.controls import Controls
from domain.controls.refusals import seconds_to_end
from domain.generation.generation import Generation
from domain.generation.lifecycle import UNSENT


def seconds_held(controls: Controls, generations: Iterable[Generation], now: datetime) -> Mapping[str, float]:
    """Name the generations without a paid call that are held back, with the seconds until that is expected to end."""
    held = dict[str, float]()
    for one in generations:
        owner = one.request.owner
        holding = controls.holding(owner.developer, owner.project) if one.state in UNSENT else []
        if holding:
            held[one.id] = max(seconds_to_end(control, now) for control in holding)
    return held
