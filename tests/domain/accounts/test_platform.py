from datetime import UTC, datetime

from domain.accounts import platform as rules
from domain.accounts.platform import STREAM, Platform, fold
from events.developer import StaffCreated, StaffDeleted, StaffPasswordChanged
from events.envelope import Cause, RecordedEvent
from events.event import Event

ADA = StaffCreated(staff="ada", role="auditor")


def folded(*events: Event) -> Platform:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return fold(
        RecordedEvent(STREAM, version, noon, event, Cause(actor="operator"))
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
