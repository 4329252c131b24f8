from pathlib import Path

import pytest

from bench.goals import GOALS
from bench.plot import MOST, bars, draw, share_of
from bench.report import Row, failed

ROWS = [Row("submit_peer", 300.0, "1/s", ratio=1.8), Row("idle", 4.0, "%"), failed("start", OSError())]


def test_the_share_of_a_goal_is_above_one_when_it_is_exceeded() -> None:
    assert share_of(GOALS["submit_peer"], 1.8) == pytest.approx(1.5)
    assert share_of(GOALS["idle"], 4.0) == 0.5
    assert share_of(GOALS["idle"], 0.0) == MOST
    assert share_of(GOALS["overload_lost"], 0) == 1.0


def test_only_rows_with_a_result_are_drawn() -> None:
    assert [bar.note for bar in bars(ROWS)] == ["1.80x", "4 %"]


def test_one_picture_is_written_in_two_formats(tmp_path: Path) -> None:
    draw(bars(ROWS), tmp_path / "images" / "performance")
    assert (tmp_path / "images" / "performance.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "images" / "performance.svg").read_bytes()
