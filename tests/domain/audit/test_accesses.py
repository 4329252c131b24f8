from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.audit.accesses import PAGE_WALK, fold, record
from events.access import ACCESS, LogRead
from events.envelope import Cause, RecordedEvent

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
[ROW] = ACCESS
PAGES = LogRead.model_validate(ROW.sample.model_dump())
EXPORT = PAGES.model_copy(update={"form": "export"})
RECENT = fold(
    RecordedEvent("access-ada", number, NOON, access, Cause(actor="auditor:ada"))
    for number, access in enumerate((PAGES, EXPORT), 1)
)


def test_the_first_access_is_recorded() -> None:
    assert fold([]) is None
    assert record(None, PAGES, NOON) == [PAGES]


def test_another_page_within_the_hour_adds_nothing() -> None:
    assert record(RECENT, PAGES, NOON + PAGE_WALK - timedelta(seconds=1)) == []


def test_the_same_query_an_hour_later_is_another_walk() -> None:
    assert record(RECENT, PAGES, NOON + PAGE_WALK) == [PAGES]


def test_a_record_from_the_future_hides_no_access() -> None:
    assert record(RECENT, PAGES, NOON - timedelta(days=1)) == [PAGES]


def test_an_export_is_recorded_each_time() -> None:
    assert record(RECENT, EXPORT, NOON) == [EXPORT]


def test_every_difference_makes_another_walk() -> None:
    for change in ({"query": "1" * 32}, {"grant": None, "reason": None}, {"user": "usr-1"}, {"recorded_from": NOON}):
        other = PAGES.model_copy(update=change)
        assert record(RECENT, other, NOON) == [other]


def test_the_fold_knows_the_version_of_the_stream() -> None:
    assert RECENT is not None
    assert RECENT.version == 2
    assert record(replace(RECENT, accesses=()), PAGES, NOON) == [PAGES]
