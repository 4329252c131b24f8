from datetime import datetime, timedelta

import pytest

from domain.generation.lifecycle import Timeouts, due_at
from events.event import Event
from events.invocation import GenerationProgressed
from events.quota import QuotaSettled
from tests.builders.generation import (
    CLAIM_UNTIL,
    START,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_REQUESTED,
    TO_STARTED,
    TO_VALIDATED,
    folded,
    lost,
    refused,
)

TIMEOUTS = Timeouts(redelivery=timedelta(seconds=7))


@pytest.mark.parametrize(
    ("events", "due"),
    [
        (TO_REQUESTED, START + timedelta(seconds=7)),
        (TO_VALIDATED, START + timedelta(seconds=8)),
        (TO_INTENDED, CLAIM_UNTIL),
        ((*TO_INTENDED, refused(retry_at=START + timedelta(minutes=3))), START + timedelta(minutes=3)),
        ((*TO_INTENDED, lost()), START + timedelta(seconds=4)),
        (TO_STARTED, START + timedelta(seconds=11)),
        ((*TO_STARTED, GenerationProgressed(percent=90)), START + timedelta(seconds=11)),
        (TO_COMPLETED, START + timedelta(seconds=13)),
        ((*TO_COMPLETED, QuotaSettled(period="2026-11", outcome="spent")), None),
        ((*TO_FAILED, QuotaSettled(period="2026-11", outcome="released")), None),
    ],
)
def test_the_due_time_follows_from_the_state(events: tuple[Event, ...], due: datetime | None) -> None:
    assert due_at(folded(events), TIMEOUTS) == due
