from datetime import UTC, datetime, timedelta

from domain.accounts import platform as rules
from domain.accounts.platform import STREAM, PersonalDataGrant, Platform, fold, valid_grant
from events.developer import AccessGranted, AccessGrantEnded, StaffCreated, StaffDeleted, StaffPasswordChanged
from events.envelope import Cause, RecordedEvent
from events.event import Event

ADA = StaffCreated(staff="ada", role="auditor")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GRANT = PersonalDataGrant("grt-1", NOON + timedelta(days=1), "incident", "INC-7")
GRANTED = AccessGranted(staff="ada", grant="grt-1", until=GRANT.until, reason="incident", case="INC-7")
ENDED = AccessGrantEnded(staff="ada", grant="grt-1")


def folded(*events: Event) -> Platform:
    return fold(
        RecordedEvent(STREAM, version, NOON, event, Cause(actor="operator"))
        for version, event in enumerate(events, start=1)
    )


def test_existing_staff_is_not_created_again() -> None:
    assert rules.create_staff(folded(), staff="ada", role="auditor") == [ADA]
    assert rules.create_staff(folded(ADA), staff="ada", role="auditor") == []


def test_the_fold_contains_the_staff() -> None:
    assert folded(ADA, StaffPasswordChanged(staff="ada")) == Platform(2, {"ada": "auditor"})
    assert folded(ADA, StaffDeleted(staff="ada")) == Platform(2, {})


def test_each_decision_returns_its_event() -> None:
    assert rules.delete_staff(folded(ADA), staff="ada") == [StaffDeleted(staff="ada")]
    assert rules.change_password(folded(ADA), staff="ada") == [StaffPasswordChanged(staff="ada")]


def test_a_grant_is_given_once_and_ended_once() -> None:
    assert rules.grant_access(folded(ADA), GRANT, staff="ada") == [GRANTED]
    assert rules.grant_access(folded(ADA, GRANTED), GRANT, staff="ada") == []
    assert rules.end_grant(folded(ADA, GRANTED), "grt-1") == [ENDED]
    assert rules.end_grant(folded(ADA, GRANTED, ENDED), "grt-1") == []
    assert rules.end_grant(folded(ADA, GRANTED, StaffDeleted(staff="ada")), "grt-1") == []


def test_the_grant_that_is_valid_longest_is_chosen_and_none_is_valid_at_its_end() -> None:
    longer = PersonalDataGrant("grt-2", NOON + timedelta(days=2), "legal")
    assert valid_grant([GRANT, longer], NOON) == longer
    assert valid_grant([GRANT, longer], longer.until - timedelta(seconds=1)) == longer
    assert valid_grant([GRANT, longer], longer.until) is None
    assert valid_grant([], NOON) is None
