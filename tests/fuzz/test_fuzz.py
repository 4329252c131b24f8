"""Two thousand odd inputs do no harm (`make fuzz` tries more), and proof that harm is found."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.fuzz.campaign import Campaign
from tests.fuzz.gauge import Gauge
from tests.fuzz.service import Service, started_service
from tests.fuzz.table import TARGETS, shares
from tests.fuzz.target import Target, every
from tests.systems.databases import Databases
from tests.systems.waiting import until

INPUTS = shares(2_000, list(TARGETS))
SEED = 20_261_127


@pytest.fixture(scope="module")
def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with started_service(tmp_path_factory.mktemp("fuzz"), databases) as service:
        yield service


@pytest.mark.parametrize("name", TARGETS)
def test_odd_inputs_do_no_harm(service: Service, name: str) -> None:
    result = Campaign(service, SEED).run(TARGETS[name], INPUTS[name])
    assert not result.failure, f'{result.failure}\nmake fuzz ARGS="--only {name} --example {result.example}" repeats it'
    assert result.inputs >= INPUTS[name]


def test_a_planted_fault_is_found_and_repeated_exactly(service: Service) -> None:
    tried: list[str] = []

    def check(_: Service, text: str) -> None:
        tried.append(text)
        assert "z" not in text, "a letter that does harm"

    planted = Target("planted", 1, every(st.text(), check))
    found = Campaign(service, SEED).run(planted, 2_000)
    assert "a letter that does harm" in found.failure
    assert found.inputs < 2_000
    tried.clear()
    again = Campaign(service, 1).repeat(planted, found.example)
    assert tried == ["z"], "the shortest input of its kind"
    assert again.failure.partition("\n")[0] == found.failure.partition("\n")[0]


def test_equal_seeds_try_equal_inputs(service: Service) -> None:
    tried: list[list[bytes]] = []
    for seed in (1, 1, 2):
        values: list[bytes] = []
        target = Target("any", 1, every(st.binary().map(values.append), lambda *_: None))
        Campaign(service, seed).run(target, 50)
        tried.append(values)
    assert tried[0] == tried[1] != tried[2]


@pytest.mark.parametrize("line", ['{"level": "error"}', '{"level": "warning", "exception": "..."}', "Traceback"])
def test_an_error_in_the_log_is_found(service: Service, tmp_path: Path, line: str) -> None:
    log = tmp_path / "gateway.log"
    log.write_text(f"{line}\n")
    gauge = Gauge(service.system.pid("solo"), log)
    gauge.check()
    log.write_text(f'{line}\n{{"level": "info"}}\n{line}\n')
    with pytest.raises(AssertionError, match="the log says"):
        gauge.check()


def harmless(gauge: Gauge) -> None:
    gauge.check()
    gauge.check_growth()


@pytest.mark.parametrize(
    ("harm", "found"),
    [("while True: pass", "the event loop spent"), ("held = b'x' * 2**27; input()", "grew by")],
)
async def test_a_held_loop_and_growth_are_found(tmp_path: Path, harm: str, found: str) -> None:
    log = tmp_path / "process.log"
    log.touch()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"input()\n{harm}", stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        gauge = Gauge(process.pid, log)
        gauge.check()
        gauge.check_growth()
        process.stdin.write(b"\n")
        with pytest.raises(AssertionError, match=found):
            await until(partial(harmless, gauge))
    finally:
        process.kill()
        await process.wait()
