"""What the door does with its hold while words and pictures are stored."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from domain.accounts.access import Identity, Role
from domain.accounts.tiers import TIERS
from domain.errors import ErrorCode, LimitError
from domain.generation.lifecycle import Timeouts
from gateway.submissions.recording import RENEW_HOLD_AFTER, SubmissionRecorder
from gateway.submissions.submission import Request
from gateway.submissions.upload import Submission
from gateway.submissions.write_through import WriteThrough
from store.commits.memory import MemoryEventStore
from store.errors import StoreUnavailableError
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.personal_data import PersonalData
from store.generations.projection import Row
from store.quota.ledger import Account, Bounds
from store.quota.memory_ledger import MemoryLedger
from tests.store.quota.conftest import Clock, Studio

IDENTITY = Identity("usr-1", Role.END_USER, "prj-1", "dev-1", TIERS["free_starter"])
NOTHING = Submission((), '{"prompt": "a walrus"}', cast("Any", None), None, (), None, lambda: None)


class SlowPersonalData(MemoryPersonalData):
    """Words that take their time; the sweep of holds passes by meanwhile."""

    def __init__(self, studio: Studio, clock: Clock, takes: timedelta) -> None:
        super().__init__()
        self.studio, self.clock, self.takes = studio, clock, takes
        self.swept = 0

    async def put(self, personal_data: PersonalData) -> None:
        await super().put(personal_data)
        self.clock.now += self.takes
        self.swept += await self.studio.admission.sweep(older_than=self.clock.now - timedelta(minutes=2))


@pytest.fixture
def studio(clock: Clock) -> Studio:
    return Studio(MemoryEventStore(), MemoryLedger(), clock)


async def no_room(_: Sequence[Row]) -> None:
    """Fail to write the row for the lists, which is nobody's misfortune: the projector writes it, too."""
    raise StoreUnavailableError("no room")


def submitting(studio: Studio, personal_data: MemoryPersonalData) -> SubmissionRecorder:
    return SubmissionRecorder(
        generations=studio.generations,
        personal_data=personal_data,
        blobs=MemoryBlobs(),
        admission=studio.admission,
        showing=WriteThrough(write=no_room, personal_data=personal_data, timeouts=Timeouts()),
        timeouts=Timeouts(),
        id_secret=b"k" * 32,
        clock=studio.clock,
    )


@pytest.mark.parametrize("minutes", [0.1, 1.5, 3, 30])
async def test_however_long_the_storing_takes_the_hold_is_young_when_the_event_is_appended(
    studio: Studio, clock: Clock, minutes: float
) -> None:
    personal_data = SlowPersonalData(studio, clock, timedelta(minutes=minutes))
    assert not await submitting(studio, personal_data).submit(Request(IDENTITY, "g1", None, "r1"), NOTHING)
    account = await studio.ledger.account("dev-1")
    [slot] = account.slots
    assert clock.now - slot.since <= RENEW_HOLD_AFTER
    assert account.used_in("2026-11") == 1
    generation = await studio.generations.load("g1")
    assert generation is not None


async def test_the_event_names_the_month_of_the_hold_that_a_dead_gateway_left(
    studio: Studio, clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
    await studio.admission.hold("dev-1", "g1", period="2026-11", bounds=Bounds(100, 1))
    clock.forward(minutes=1)
    request = Request(IDENTITY, "g1", "key-1", "r1")
    assert not await submitting(studio, MemoryPersonalData()).submit(request, NOTHING)
    generation = await studio.generations.load("g1")
    assert generation is not None
    assert generation.request.period == "2026-11"
    account = await studio.ledger.account("dev-1")
    assert (account.used_in("2026-11"), account.used_in("2026-12")) == (1, 0)


async def test_beyond_the_days_requests_nothing_is_held_and_nothing_stored(studio: Studio) -> None:
    refusal = LimitError(ErrorCode.REQUEST_LIMIT, 60)
    personal_data = MemoryPersonalData()
    request = Request(IDENTITY, "g1", "key-1", "r1", overdrawn=refusal)
    with pytest.raises(LimitError) as refused:
        await submitting(studio, personal_data).submit(request, NOTHING)
    assert refused.value is refusal
    assert await studio.ledger.account("dev-1") == Account()


class Asked(MemoryLedger):
    """A ledger that counts its readers."""

    reads = 0

    async def account(self, developer: str) -> Account:
        self.reads += 1
        return await super().account(developer)


async def test_where_a_developer_stands_is_read_once_a_second_however_many_ask(clock: Clock) -> None:
    ledger = Asked()
    studio = Studio(MemoryEventStore(), ledger, clock)
    bounds = Bounds(100, 1)
    await asyncio.gather(*(studio.admission.recent_account("dev-1", bounds) for _ in range(50)))
    assert ledger.reads == 1
    clock.forward(seconds=1)
    await studio.admission.recent_account("dev-1", bounds)
    assert ledger.reads == 2
    await studio.admit("g1", bounds)
    assert len((await studio.admission.recent_account("dev-1", bounds)).slots) == 1, (
        "what is held here is known"
    )
    assert ledger.reads == 2
