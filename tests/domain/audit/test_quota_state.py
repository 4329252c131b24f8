"""The quota as the log tells it, event by event."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.developer import stream_of as developer_stream
from domain.audit.quota_state import QuotaState
from events.developer import DeveloperRegistered, DeveloperTierChanged
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import Owner
from events.quota import QuotaSettled
from tests.builders.developer import NOON
from tests.builders.generation import RESERVED, VALIDATED, failed, recorded, requested
from tests.builders.history import History, recount

DEVELOPER = "dev-1"
REQUESTED = requested(owner=Owner(developer=DEVELOPER, project="prj-1", user="usr-1"))
FAILED = failed("canceled", "completion")


def event_of(stream: str, version: int, event: Event) -> RecordedEvent:
    return RecordedEvent(stream, version, NOON, event, Cause(actor="actor:test"))


def registered() -> QuotaState:
    state = QuotaState(DEVELOPER)
    state.add(event_of(developer_stream(DEVELOPER), 1, DeveloperRegistered(tier="free_starter")))
    return state


def used(state: QuotaState) -> tuple[dict[str, int], int]:
    view = state.view()
    assert view is not None
    return view["used"], len(view["slots"])


def test_a_unit_that_is_spent_after_the_failure_is_counted() -> None:
    state = registered()
    seen = []
    for event in recorded([REQUESTED, FAILED, QuotaSettled(period="2026-11", outcome="spent")]):
        state.add(event)
        seen.append(used(state))
    assert seen == [({"2026-11": 1}, 1), ({}, 0), ({"2026-11": 1}, 0)]


def test_limits_are_those_of_the_last_reservation_until_the_tier_changes() -> None:
    state = registered()
    for event in recorded([REQUESTED, VALIDATED, RESERVED]):
        state.add(event)
    assert (state.view() or {})["limits"] == {"monthly": 100, "concurrent": 1}
    changed = DeveloperTierChanged(previous="free_starter", tier="internal")
    state.add(event_of(developer_stream(DEVELOPER), 2, changed))
    assert (state.view() or {})["limits"] is None


def test_what_is_settled_for_good_is_not_kept() -> None:
    state = registered()
    for event in recorded([REQUESTED, FAILED, QuotaSettled(period="2026-11", outcome="released")]):
        state.add(event)
    assert state.open == {}


@given(seed=st.integers(0, 2**32), commits=st.integers(2, 60))
def test_every_prefix_of_a_history_is_the_recount_of_its_generations(seed: int, commits: int) -> None:
    history = History(Random(seed), "h")
    states = {developer: QuotaState(developer) for developer in history.developers}
    prefix: list[RecordedEvent] = []
    for _ in range(commits):
        stream, before, events = history.grow()
        for version, event in enumerate(events, start=before + 1):
            prefix.append(event_of(stream, version, event))
            for state in states.values():
                if not stream.startswith(("webhook-", *foreign(state.developer_id))):
                    state.add(prefix[-1])
    for developer, state in states.items():
        months, holders = recount(prefix, developer)
        assert used(state) == (months, len(holders))


def foreign(developer: str) -> tuple[str, ...]:
    return tuple(developer_stream(f"h-d{number}") for number in range(2) if f"h-d{number}" != developer)
