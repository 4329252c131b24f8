"""What a run of the fault table prints, keeps and runs."""

import json
from pathlib import Path

import pytest

from tests.chaos.options import read_options
from tests.chaos.report import Report, Result
from tests.chaos.table import ROWS, runs_of


def result(row: str, **changes: object) -> Result:
    return Result(row, "a fault", runs=2, generations=12, kills=1, seconds=3.0, **changes)  # type: ignore[arg-type]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_marks_what_was_broken_and_ends_with_the_rebuild(tmp_path: Path) -> None:
    report = Report(7, tmp_path / "run.md")
    report.add(result("1"))
    report.add(result("4", broken={"R": "rows differ"}, notes=["recovery: 2 s"]))
    assert report.finish() == 1
    *_, titles, _, first, second, rebuilt = (tmp_path / "run.md").read_text().splitlines()
    marks = slice(5, -1)
    assert dict(zip(cells(titles)[marks], cells(second)[marks], strict=True))["R"] == "!"
    assert set(cells(first)[marks]) == {"0"}
    assert cells(second)[-1] == "a fault; recovery: 2 s"
    assert cells(rebuilt)[:2] == ["20", "2"]
    assert "differs after rows 4" in rebuilt
    kept = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [(one["seed"], one["row"], one["broken"]) for one in kept] == [(7, "1", {}), (7, "4", {"R": "rows differ"})]


def test_a_table_without_a_broken_invariant_succeeds() -> None:
    report = Report(7)
    report.add(result("1"))
    assert report.finish() == 0
    assert "equal after every row above" in report.as_markdown()


def test_a_full_run_has_every_row_its_own_number_of_times_and_half_an_hour_of_soak() -> None:
    options = read_options(["--full"])
    assert list(options.rows) == list(ROWS)
    assert [options.runs_of(row) for row in options.rows] == [runs_of(row).full for row in ROWS]
    assert options.minutes == 30


def test_a_short_run_leaves_out_the_long_rows_but_runs_what_is_named() -> None:
    assert list(read_options([]).rows) == [row for row in ROWS if runs_of(row).short]
    options = read_options(["--rows", "3,18", "--minutes", "0.5"])
    assert [(row, options.runs_of(row)) for row in options.rows] == [("3", 1), ("18", 1)]
    assert options.minutes == 0.5
    assert read_options(["--rows", "3", "--runs", "9"]).runs_of("3") == 9


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(SystemExit):
        read_options(["--rows", "99"])
