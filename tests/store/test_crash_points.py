"""Crash points: a process dies at the one that is armed, and every documented one is in the code."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.crash_points import POINTS
from tests.architecture.files import PRODUCT

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from store.crash_points import crash_point

crash_point.arm("quota", "before_append", after=int(sys.argv[1]))
crash_point("actor:quota", "after_append")
for actor in ("actor:validation", "user:7"):
    crash_point(actor, "before_append")
print("passed others", flush=True)
for _ in range(2):
    crash_point("actor:quota", "before_append")
    print("passed", flush=True)
"""
# What calls a point for whichever role it acts: every actor, and every writer of the log.
GENERIC = {
    "actors/runner.py": {role for role in POINTS if role != "gateway"},
    "store/commits/repository.py": set(POINTS) - {"projector"},
}


@pytest.mark.parametrize(
    ("after", "output", "code"),
    [(0, ["passed others"], -9), (1, ["passed others", "passed"], -9), (2, ["passed others", "passed", "passed"], 0)],
)
def test_a_process_dies_at_its_point_once_it_was_passed_often_enough(after: int, output: list[str], code: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(after)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (run.stdout.splitlines(), run.returncode) == (output, code), run.stderr


def test_the_code_has_exactly_the_points_of_the_list() -> None:
    assert set(called_points()) == {(role, point) for role, points in POINTS.items() for point in points}


def called_points() -> Iterator[tuple[str, str]]:
    """Yield role and point of every call in the product."""
    for path in PRODUCT:
        name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="crash_point"), args=[role, ast.Constant(value=str() as point)]):
                    match role:
                        case ast.Constant(value=str() as one):
                            yield one, point
                        case ast.Name(id="NAME"):
                            yield path.stem, point
                        case _:
                            yield from ((one, point) for one in GENERIC[name] if point in POINTS[one])
