"""The simulation of the queue for slots keeps the laws of queues, and draws."""

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.queueing import MEAN_S, Stay, backlog, bursts, erlang_c, exponential, mean_wait, poisson, simulate, waits

TIMES = st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 9)), min_size=1, max_size=40)
SLOTS = st.integers(1, 6)


def run(times: list[tuple[float, float]], slots: int) -> list[Stay]:
    return simulate(sorted(came for came, _ in times), [service for _, service in times], slots)


@given(times=TIMES, slots=SLOTS)
def test_no_more_than_all_slots_are_used_and_nobody_waits_beside_a_free_one(
    times: list[tuple[float, float]], slots: int
) -> None:
    stays = run(times, slots)
    for stay in stays:
        using = sum(other.began <= stay.began < other.done for other in stays)
        assert using <= slots
        if stay.wait > 1e-9:
            before = stay.began - 1e-9
            assert sum(other.began <= before < other.done for other in stays) == slots


@given(times=TIMES, slots=SLOTS)
def test_the_mean_number_that_waits_is_the_rate_times_the_mean_wait(
    times: list[tuple[float, float]], slots: int
) -> None:
    """The law of Little, by counting at every change instead of by adding waits."""
    stays = run(times, slots)
    end = max(stay.done for stay in stays)
    changes = sorted({0.0, end, *(stay.came for stay in stays), *(stay.began for stay in stays)})
    spans = zip(changes[:-1], changes[1:], backlog(stays, changes[:-1]), strict=True)
    mean_number = sum((until - since) * waiting for since, until, waiting in spans) / end
    assert mean_number == pytest.approx(len(stays) / end * fmean(stay.wait for stay in stays), abs=1e-9)


@given(times=TIMES, slots=SLOTS)
def test_more_slots_let_nobody_wait_longer(times: list[tuple[float, float]], slots: int) -> None:
    pairs = zip(run(times, slots), run(times, slots + 1), strict=True)
    assert all(fewer.wait >= more.wait - 1e-9 for fewer, more in pairs)


@pytest.mark.parametrize(("slots", "share"), [(1, 0.5), (10, 0.7), (10, 0.9)])
def test_the_simulation_agrees_with_the_formula_of_erlang(slots: int, share: float) -> None:
    found = fmean(waits(poisson, exponential, slots=slots, share=share, count=60_000))
    assert found == pytest.approx(mean_wait(slots, share * slots, MEAN_S), rel=0.15)


def test_the_formula_of_erlang_has_its_known_values() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)  # one slot: the share in use
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_c(10, 7.0) == pytest.approx(0.2217, abs=1e-4)


def test_bursts_have_the_same_rate_and_wait_longer() -> None:
    chance = random.Random(3)
    came = [arrivals(chance, 2.0, 20_000)[-1] for arrivals in (poisson, bursts)]
    assert came[0] == pytest.approx(came[1], rel=0.1)
    single, tens = (fmean(waits(kind, exponential, slots=10, share=0.7, count=5_000)) for kind in (poisson, bursts))
    assert tens > 5 * single
