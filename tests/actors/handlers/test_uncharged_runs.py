"""Runs that the provider is paid for and that cost no unit: bounded by the tier, counted by month."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import hypothesis
import pytest
from hypothesis import strategies as st

from actors.jobs.polling import poll
from domain.accounts.tiers import TIERS
from domain.generation import decisions
from domain.generation.generation import State
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import is_run_in_vain
from events.event import Event
from store.commits.memory import MemoryEventStore
from store.generations.generations import Generations
from store.generations.memory_projection import MemoryProjection
from store.generations.projection import row_of
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.memory_ledger import MemoryLedger
from store.quota.recount import Recount
from tests.actors.harness import BY_TEST, Harness, SandboxProvider
from tests.builders.clock import Clock
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    FINISH_BY,
    RESERVED,
    TO_INTENDED,
    TO_STARTED,
    VALIDATED,
    failed,
    folded,
    intended,
    requested,
    settled,
    started,
)

TIER = "free_starter"
WIDE = Bounds(monthly=None, concurrent=None)
ALLOWED = 2


@pytest.fixture
def bounded(harness: Harness) -> Harness:
    return harness.replace(tiers={**TIERS, TIER: replace(TIERS[TIER], uncharged=ALLOWED)})


async def run(harness: Harness, provider: SandboxProvider, name: str, *, cancel: bool) -> str:
    """Run a generation to its end, cancelled too late if wanted; return what became of its unit."""
    assert (await harness.invoked(name)).state is State.STARTED
    await harness.project(name)
    await provider.finished()
    if cancel:
        await harness.generations.decide(name, decisions.cancel, cause=BY_TEST)
    harness.clock.forward(minutes=1)
    await harness.run_job(poll)
    await harness.step(name, "completion")
    return (await harness.step(name, "quota")).quota


async def units(harness: Harness) -> int:
    return sum(count for _, count in (await harness.store.ledger.account("dev-1")).used)


@pytest.mark.parametrize("fault", ["cancelled late", "filtered"])
async def test_runs_in_vain_beyond_those_allowed_cost_a_unit(
    bounded: Harness, provider: SandboxProvider, fault: str
) -> None:
    outcomes = []
    for number in range(ALLOWED + 2):
        if fault == "filtered":
            await provider.arm(outcome="nsfw", times=1)
        outcomes.append(await run(bounded, provider, f"g{number}", cancel=fault == "cancelled late"))
    assert outcomes == ["released"] * ALLOWED + ["spent"] * 2
    assert await units(bounded) == 2


async def test_a_failure_of_the_provider_never_costs_a_unit(bounded: Harness, provider: SandboxProvider) -> None:
    for number in range(ALLOWED + 1):
        await provider.arm(outcome="failed", times=1)
        assert await run(bounded, provider, f"g{number}", cancel=False) == "released"
    assert await units(bounded) == 0


OVERDUE = failed("cancel_after", "deadline", retryable=True)
UNPAID = settled(outcome="canceled").model_copy(update={"predict_seconds": None})


@pytest.mark.parametrize(
    ("events", "in_vain"),
    [
        ((*TO_STARTED, OVERDUE), True),
        ((*TO_STARTED, OVERDUE, settled(outcome="canceled")), True),
        ((*TO_STARTED, OVERDUE, UNPAID), False),
        ((*TO_STARTED, CANCELED, settled(outcome="aborted"), failed("canceled", "completion")), False),
        ((*TO_STARTED, failed("finish_deadline", "deadline", retryable=True)), False),
        ((*TO_INTENDED, CANCELED, failed("canceled", "deadline")), False),
    ],
    ids=["unknown cost", "paid", "never ran", "aborted", "our deadline", "never started"],
)
def test_a_run_in_vain_is_paid_and_ended_by_its_client(events: Sequence[Event], in_vain: bool) -> None:
    assert is_run_in_vain(folded(events)) == in_vain


# Counting

PAID_UP_TO = (VALIDATED, RESERVED, intended(), started(), settled())
ENDS: dict[str, tuple[Event, ...]] = {
    "completed": (*PAID_UP_TO, COMPLETED),
    "canceled": (*PAID_UP_TO, CANCELED, failed("canceled", "completion")),
    "flagged": (*PAID_UP_TO, failed("content_flagged", "completion")),
    "failed": (*PAID_UP_TO, failed("provider_failed", "completion")),
    "early": (CANCELED, failed("canceled", "requested")),
}


@hypothesis.settings(deadline=None)
@hypothesis.given(
    ends=st.lists(st.sampled_from([*ENDS]), max_size=12),
    allowed=st.integers(0, 4),
    before_the_log=st.booleans(),
)
def test_the_units_of_a_month_are_the_completed_and_the_runs_in_vain_beyond_those_allowed(
    ends: list[str], allowed: int, before_the_log: bool
) -> None:
    asyncio.run(_count(ends, allowed, before_the_log))


async def _count(ends: list[str], allowed: int, before_the_log: bool) -> None:
    events, ledger, projection, clock = MemoryEventStore(), MemoryLedger(), MemoryProjection(), Clock()
    generations = Generations(events, announce=lambda _: None, clock=clock)
    tiers = {TIER: replace(TIERS[TIER], uncharged=allowed)}
    admission = Admission(ledger, generations, clock=clock, projection=projection, tiers=tiers)
    for number, end in enumerate(ends):
        name = f"g{number}"
        slot = await admission.hold("dev-1", name, period="2026-11", bounds=WIDE)
        await generations.begin(name, requested(tier=TIER, finish_by=FINISH_BY), cause=BY_TEST)
        later = [one.model_copy(update={"hold": slot.hold}) if one is RESERVED else one for one in ENDS[end]]
        await generations.decide(name, partial(_append, later), cause=BY_TEST)
        generation = await generations.load(name)
        assert generation is not None
        if before_the_log:  # as the next submission does, where the actor was slower
            await admission.settle(generation)
        decided = await generations.decide(name, await admission.settlement(generation), cause=BY_TEST)
        assert decided is not None
        await admission.settle(decided.generation)
        await projection.write([row_of(decided.generation, Timeouts(), {})])
    in_vain = sum(end in ("canceled", "flagged") for end in ends)
    account = await ledger.account("dev-1")
    assert account.used_in("2026-11") == ends.count("completed") + max(0, in_vain - allowed)
    assert await projection.uncharged("dev-1", "2026-11") == min(in_vain, allowed)
    recount = await Recount(events, ledger, _nobody_new, clock).run()
    assert recount.differences == ()


def _append(events: list[Event], _: object) -> list[Event]:
    return events


async def _nobody_new(_: str, __: object) -> Sequence[str]:
    return ()
