"""Commands that read every stream name those that they cannot read, and exit with a code of their own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.clock import Clock
from tests.builders.damage import DAMAGE
from tests.store.quota.conftest import QuotaHarness, clock, harness, store
from tests.store.quota.test_recount import WIDE
from tests.store.quota.test_usage import count_log
from tests.stores import OpenStore
from tests.systems.commands import Done, run_command

__all__ = ["clock", "harness", "store"]
ROOT = Path(__file__).parents[3]
COMMANDS = (["rebuild"], ["rebuild", "--check"], ["quota", "check"], ["quota", "check", "--repair"])


def exemplar(url: str, *arguments: str) -> Done:
    return run_command(*arguments, env={"PATH": "/usr/bin:/bin", "EXEMPLAR_MONGODB_URL": url}, cwd=ROOT)


@pytest.fixture
async def damaged(harness: QuotaHarness, store: OpenStore, clock: Clock) -> OpenStore:
    """A failed generation of each of two developers; the second commit of one cannot be read."""
    for developer in ("dev-1", "dev-2"):
        await harness.admit(f"{developer}-done", WIDE, developer=developer)
        await harness.live(f"{developer}-done", "failed")
        await harness.settle(f"{developer}-done")
    await count_log(store)
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
