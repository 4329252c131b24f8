from datetime import UTC, datetime

from domain.accounts import platform as rules
from domain.accounts.platform import STREAM, Platform, fold
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.platform import StaffCreated, StaffDeleted, StaffDraftWithdrawn, StaffPasswordChanged

ADA = StaffCreated(staff="ada", role="auditor")


def folded(*events: Event) -> Platform:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return fold(
        RecordedEvent(STREAM, version, noon, event, Cause(actor="operator"))
        for version, event in enumerate(events, start=1)
    )


def test_who_is_there_is_not_taken_on_again() -> None:
    assert rules.create_staff(folded(), staff="ada", role="auditor") == [ADA]
    assert rules.create_staff(folded(ADA), staff="ada", role="auditor") == []


def test_people_come_and_go() -> None:
    changed = StaffPasswordChanged(staff="ada", change="c")
    withdrawn = StaffDraftWithdrawn(staff="bob", change=None)
    assert folded(ADA, changed, withdrawn) == Platform(3, {"ada": "auditor"})
    assert folded(ADA, StaffDeleted(staff="ada")) == Platform(2, {})


def test_every_decision_is_told_as_it_was_made() -> None:
    assert rules.delete_staff(folded(ADA), staff="ada") == [StaffDeleted(staff="ada")]
    changed = [StaffPasswordChanged(staff="ada", change="c")]
    assert rules.change_password(folded(ADA), staff="ada", change="c") == changed
    withdrawn = [StaffDraftWithdrawn(staff="bob", change=None)]
    assert rules.withdraw_draft(folded(), staff="bob", change=None) == withdrawn
