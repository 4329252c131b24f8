"""An operator holds back paid calls: nothing is sent, nothing is lost, and nothing is sent twice."""

import pytest

from actors.jobs.redelivery import redeliver
from domain.controls.controls import Target
from domain.generation.generation import State
from store.controls.current import CurrentControls
from tests.actors.harness import BY_TEST, Harness, SandboxProvider
from tests.builders.controls import control


class EmptyQueues:
    async def waiting(self) -> dict[str, int]:
        return {}


@pytest.mark.parametrize(
    "target", [Target("provider", "replicate"), Target("developer", "dev-1"), Target("project", "prj-1")]
)
async def test_a_held_generation_waits_and_is_sent_once_when_it_may_go_on(
    harness: Harness, provider: SandboxProvider, target: Target
) -> None:
    changes = harness.dependencies.get("control_changes")
    await changes.apply(control(target), cause=BY_TEST)
    held = await harness.invoked("g1")
    assert held.state is State.RESERVED
    await changes.lift(target, cause=BY_TEST)
    await harness.project("g1")
    harness.clock.forward(seconds=2)
    scheduler = harness.replace(publisher=EmptyQueues())
    for _ in range(3):
        await scheduler.run_job(redeliver)
    assert (await harness.load("g1")).state is State.STARTED
    assert len(await provider.predictions()) == 1


async def test_what_runs_goes_on_to_its_end(harness: Harness, provider: SandboxProvider) -> None:
    running = await harness.invoked("g1")
    assert running.state is State.STARTED
    changes = harness.dependencies.get("control_changes")
    await changes.apply(control(Target("provider", "replicate")), cause=BY_TEST)
    await harness.request("g2")
    await provider.finished()
    assert len(await provider.predictions()) == 1
    assert (await harness.load("g1")).state is State.STARTED


async def test_a_process_acts_on_another_ones_change_after_a_second_at_most(harness: Harness) -> None:
    now = 100.0
    current = CurrentControls(harness.store.database, lambda: now)
    assert (await current.get()).by_name == {}
    changes = harness.dependencies.get("control_changes")
    await changes.apply(control(Target("provider", "replicate")), cause=BY_TEST)
    now += 0.9
    assert (await current.get()).by_name == {}, "what was read a moment ago is used"
    now += 0.2
    assert list((await current.get()).by_name) == ["provider:replicate"]
