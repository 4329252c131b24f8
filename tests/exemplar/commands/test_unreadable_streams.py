"""Commands that read every stream name those that they cannot read, and exit with a code of their own."""

import json
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from tests.builders.clock import Clock
from tests.builders.damage import DAMAGE
from tests.store.quota.conftest import QuotaHarness, clock, harness, store
from tests.store.quota.test_recount import WIDE
from tests.store.quota.test_usage import count_log
from tests.stores import OpenStore

__all__ = ["clock", "harness", "store"]
COMMANDS = (["rebuild"], ["rebuild", "--check"], ["quota", "check"], ["quota", "check", "--repair"])


class Done(NamedTuple):
    """The exit code and the output of a process."""

    code: int
    out: str


def exemplar(url: str, *arguments: str) -> Done:
    run = subprocess.run(
        [sys.executable, "-m", "exemplar", *arguments],
        env={"PATH": "/usr/bin:/bin", "EXEMPLAR_MONGODB_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(run.returncode, run.stdout)


@pytest.fixture
async def damaged(harness: QuotaHarness, store: OpenStore, clock: Clock) -> OpenStore:
    """A failed generation of each of two developers; the second commit of one cannot be read."""
    for developer in ("dev-1", "dev-2"):
        await harness.admit(f"{developer}-done", WIDE, developer=developer)
        await harness.live(f"{developer}-done", "failed")
        await harness.settle(f"{developer}-done")
    await count_log(store, harness)
    clock.forward(hours=1)
    await DAMAGE["second body"].do(store.database, "dev-1-done")
    return store


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_exit_code_is_3_and_the_stream_is_named(damaged: OpenStore, limits_url: str, command: list[str]) -> None:
    done = exemplar(limits_url, *command)
    assert done.code == 3
    assert "not readable: generation-dev-1-done at version 2: ValueError" in done.out
    answer: dict[str, Any] = json.loads(exemplar(limits_url, *command, "--json").out)
    [named] = answer["unreadable"]
    assert (named["stream"], named["version"], named["developer"]) == ("generation-dev-1-done", 2, "dev-1")
