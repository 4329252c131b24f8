"""What exists once: the clock of the processes and the back-off."""

import ast
from collections.abc import Iterator

from tests.architecture.files import PRODUCT, name_of, nodes_of

CLOCK = "exemplar/clock.py"
BACKOFF = "store/backoff.py"
# They run without the product: the stand-in for Replicate, and the servers of one machine.
APART = ("sandbox/", "exemplar/local/")


def calls_and_powers() -> Iterator[tuple[str, str]]:
    """Yield file and text of every call that reads the wall clock and of every growing power of two."""
    for path in PRODUCT:
        if name_of(path).startswith(APART):
            continue
        for node in nodes_of(path):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "time"))):
                    yield name_of(path), ast.unparse(node.func)
                case ast.BinOp(left=ast.Constant(value=2 | 2.0), op=ast.Pow(), right=exponent):
                    if not isinstance(exponent, ast.Constant):
                        yield name_of(path), "2 **"


def test_the_wall_clock_is_read_in_one_module() -> None:
    read = {name for name, text in calls_and_powers() if text in ("datetime.now", "datetime.utcnow", "time.time")}
    assert read == {CLOCK}


def test_a_delay_that_doubles_is_computed_in_one_module() -> None:
    assert {name for name, text in calls_and_powers() if text == "2 **"} == {BACKOFF}
