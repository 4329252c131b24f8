"""What exists once: the clock of the processes and the back-off."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.files import PRODUCT, name_of, nodes_of

CLOCK = "exemplar/clock.py"
BACKOFF = "store/backoff.py"
# They run without the product: the stand-in for Replicate, and the servers of one machine.
APART = ("sandbox/", "exemplar/local/")
WALL_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("time", "time")}


def looked_at() -> Iterator[Path]:
    return (path for path in PRODUCT if not name_of(path).startswith(APART))


def reads_the_wall_clock(path: Path) -> bool:
    """Tell whether a module calls `datetime.now` or its like."""
    return any(
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr) in WALL_CLOCKS
        for call in nodes_of(path, ast.Call)
    )


def doubles(path: Path) -> bool:
    """Tell whether a module computes a growing power of two."""
    return any(
        isinstance(power.op, ast.Pow)
        and isinstance(power.left, ast.Constant)
        and power.left.value in (2, 2.0)
        and not isinstance(power.right, ast.Constant)
        for power in nodes_of(path, ast.BinOp)
    )


def test_the_wall_clock_is_read_in_one_module() -> None:
    assert {name_of(path) for path in looked_at() if reads_the_wall_clock(path)} == {CLOCK}


def test_a_delay_that_doubles_is_computed_in_one_module() -> None:
    assert {name_of(path) for path in looked_at() if doubles(path)} == {BACKOFF}
