"""What exists once: the clock of the processes, the back-off, and what an error is called in a log line."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.files import PRODUCT, check, name_of, nodes_of, walk

CLOCK = "exemplar/clock.py"
BACKOFF = "store/backoff.py"
# They run without the product: the stand-in for Replicate, and the servers of one machine.
APART = ("sandbox/", "exemplar/local/")
LOGS = {"log", "_log"}
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


def logs_a_message(path: Path) -> list[int]:
    """List the lines of log calls that write the message of a caught error, which may quote data."""
    caught = {handler.name for handler in nodes_of(path, ast.ExceptHandler)}
    return [call.lineno for call in nodes_of(path, ast.Call) if is_log(call) and any(quotes(call, caught))]


def is_log(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in LOGS


def quotes(call: ast.Call, names: set[str | None]) -> Iterator[bool]:
    """Tell of each part of a call whether it writes one of some names as a text."""
    for node in walk(call):
        match node:
            case ast.Call(func=ast.Name(id="str" | "repr" | "format"), args=[ast.Name(id=name), *_]):
                yield name in names
            case ast.FormattedValue(value=ast.Name(id=name)):
                yield name in names


def test_the_wall_clock_is_read_in_one_module() -> None:
    assert {name_of(path) for path in looked_at() if reads_the_wall_clock(path)} == {CLOCK}


def test_a_delay_that_doubles_is_computed_in_one_module() -> None:
    assert {name_of(path) for path in looked_at() if doubles(path)} == {BACKOFF}


def test_what_an_error_is_called_in_a_log_line_is_decided_in_one_module() -> None:
    check(looked_at(), logs_a_message)
