"""The cost of a million generations follows from the results of the benchmarks, and the page shows it."""

import re
from dataclasses import replace

import pytest

from bench.cost_model import Assumptions, Measured, cost_lines, needs, read_measured, tables
from tests.docs.reading import ROOT

PAGE = (ROOT / "docs/scaling.md").read_text()
MEASURED = Measured(
    {"gateway": 18.0, "worker": 36.0, "mongod": 18.0, "sandbox": 99.0}, 25, 5, 4, {"log": 1000, "blobs": 9}
)
GIVEN = Assumptions()


def usd(measured: Measured, given: Assumptions = GIVEN, *, bucket: bool = False) -> dict[str, float]:
    return {line.what.split(",")[0]: line.usd for line in cost_lines(measured, given, bucket=bucket)}


def test_processors_are_counted_without_the_stand_in_for_the_provider() -> None:
    # 72 ms a generation are 20 core hours a million, 40 at half use.
    assert usd(MEASURED)["processors"] == pytest.approx(40 * GIVEN.core_hour)
    assert usd(MEASURED, replace(GIVEN, used_share=1.0))["processors"] == pytest.approx(20 * GIVEN.core_hour)


def test_records_are_kept_by_every_member_and_pictures_once_in_a_bucket() -> None:
    assert usd(MEASURED)["log and records"] == pytest.approx(1 * 0.5 * 3 * 12 * GIVEN.disk_gb_month)
    gb_months = 500 * GIVEN.example_months + 1500 * GIVEN.result_months
    assert usd(MEASURED)["pictures in MongoDB"] == pytest.approx(gb_months * 3 * GIVEN.disk_gb_month)
    free = replace(GIVEN, bucket_write=0.0, bucket_read=0.0)
    assert usd(MEASURED, free, bucket=True)["pictures in a bucket"] == pytest.approx(gb_months * GIVEN.bucket_gb_month)


def test_needs_grow_with_the_rate() -> None:
    one, thousand = ({need.part: need.amount for need in needs(MEASURED, GIVEN, rate)} for rate in (1, 1000))
    assert {part: thousand[part] / amount for part, amount in one.items() if amount} == pytest.approx(
        dict.fromkeys((part for part, amount in one.items() if amount), 1000)
    )
    assert one["provider"] == GIVEN.predict_seconds
    assert one["gateway"] == pytest.approx(0.036)


def test_without_a_result_of_the_pipeline_there_is_one_line() -> None:
    with pytest.raises(ValueError, match="ONLY=pipeline"):
        read_measured("")


def test_the_page_shows_what_its_measured_line_leads_to() -> None:
    [line] = re.findall(r"```json\n(\{.*\})\n```", PAGE)
    assert tables(read_measured(line), GIVEN) in PAGE
