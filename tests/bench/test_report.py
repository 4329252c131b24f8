import json

import pytest

from bench.goals import GOALS
from bench.report import Row, compared, failed, markdown, quantile, read_rows, repeated, spread


def test_a_comparison_has_medians_and_the_spreads() -> None:
    row = compared("submit_peer", "1/s", [100.0, 130.0, 120.0], [100.0, 80.0, 100.0], "peer", p99_ms=7)
    assert (row.value, row.vs, row.ratio) == (120.0, "peer 100.0", 1.2)
    assert row.more == {"spread": "100.0..130.0", "vs_spread": "80.0..100.0", "ratio_spread": "1.00..1.62", "p99_ms": 7}


def test_a_ratio_is_that_of_a_round_and_not_of_two() -> None:
    row = compared("submit_peer", "1/s", [466.0, 394.0, 358.0], [459.0, 319.0, 325.0], "peer")
    assert row.ratio == pytest.approx(358 / 325), "the median of 1.02, 1.24 and 1.10; that of the medians is 1.21"


def test_a_comparison_with_nothing_has_no_ratio() -> None:
    assert compared("any", "1/s", [1.0], [0.0], "peer").ratio is None


def test_repeats_have_a_median_and_a_spread() -> None:
    row = repeated("list", "1/s", [700.0, 500.0, 650.0])
    assert (row.value, row.more) == (650.0, {"spread": "500.0..700.0"})
    assert spread([0.123, 2.0], 2) == "0.12..2.00"


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 3), (0.99, 5), (1.0, 5)])
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    assert quantile([5, 3, 1, 4, 2], share) == expected
    assert quantile([], share) == 0


def test_json_lines_have_the_members_that_programs_read() -> None:
    row = Row("status_16", 1234.567, "1/s", "peer 600.0", 2.05761, {"spread": "1..2"})
    assert json.loads(row.json()) == {
        "name": "status_16",
        "value": 1234.57,
        "unit": "1/s",
        "vs": "peer 600.0",
        "ratio": 2.058,
        "spread": "1..2",
    }


def test_the_last_of_equal_names_is_read_back() -> None:
    lines = [Row("list", 1, "1/s"), Row("idle", 2, "%"), Row("list", 3, "1/s", more={"spread": "3..3"})]
    read = read_rows("\n".join(row.json() for row in lines))
    assert [(row.name, row.value) for row in read] == [("list", 3), ("idle", 2)]
    assert read[0].more == {"spread": "3..3"}


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("submit_peer", 1.0, "1/s", ratio=1.2), True),
        (Row("submit_peer", 9.0, "1/s", ratio=1.1), False),
        (Row("submit_peer", 9.0, "1/s"), False),
        (Row("pipeline_one_cpu", 40.0, "ms", ratio=1.25), True),
        (Row("idle", 2.1, "%"), False),
        (failed("idle", ValueError("no")), None),
        (Row("unknown", 1, ""), None),
    ],
)
def test_a_goal_is_met_by_the_ratio_or_by_the_value(row: Row, met: bool | None) -> None:
    assert row.met is met


def test_the_text_shows_the_goal_and_what_was_measured_beside() -> None:
    text = Row("idle", 3.0, "%", more={"by_process": {"gateway": 1.0}}).text()
    assert "<= 2 % missed" in text
    assert "by_process={gateway:1.0}" in text


def test_markdown_has_a_line_for_every_goal() -> None:
    rows = [
        Row("submit_peer", 300.0, "1/s", "peer 250.0", 1.2, {"ratio_spread": "1.1..1.3"}),
        failed("idle", OSError()),
    ]
    lines = markdown(rows).splitlines()
    assert len(lines) == 2 + len(GOALS)
    assert "| 1.20 (300 1/s; peer 250.0) | 1.1..1.3 | met |" in markdown(rows)
    assert "failed: OSError" in next(line for line in lines if "`idle`" in line)
    assert "not run" in next(line for line in lines if "`start`" in line)
