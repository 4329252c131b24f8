"""A process that does not end by itself is ended."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANGING = """
import threading
from exemplar import stopping
stopping.STOP_SECONDS = 0.3
limit = stopping.StopLimit()
limit.begin()
{closed}
threading.Event().wait()
"""


@pytest.mark.parametrize(("closed", "code", "lines"), [("", 1, ["stop_timed_out"]), ("limit.closed()", 0, [])])
def test_a_process_that_hangs_is_ended(closed: str, code: int, lines: list[str]) -> None:
    program = [sys.executable, "-c", HANGING.format(closed=closed)]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == code
    assert [line in ended.stdout for line in lines] == [True] * len(lines)
