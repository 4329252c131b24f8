import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from exemplar.export import exporter
from store.audit.merkle_nodes import LEVELS
from tests.exemplar.commands.audit_command import SEED, run
from tests.exemplar.export import killing
from tests.exemplar.export.verifying import PART, PROJECT, History, write_history
from tests.store.audit.conftest import AuditHarness, audit_log, opened
from tests.systems.commands import run_forked
from tests.systems.databases import Databases

__all__ = ["audit_log", "run"]

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an export of few commits have several parts."""
    monkeypatch.setattr(exporter, "PART", PART)


@pytest.fixture
async def history(audit_log: AuditHarness) -> History:
    return await write_history(audit_log)


@dataclass(frozen=True, slots=True)
class Exports:
    """One history exported as a whole and for its project; `older`: its checkpoint of the first nine commits."""

    whole: Path
    project: Path
    older: str


@pytest.fixture(scope="module")
def exports(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exports]:
    """Export once for all tests of a module; each changes a copy."""
    folder = tmp_path_factory.mktemp("exports")
    with databases.lent() as url:
        made = Exports(folder / "whole", folder / "project", asyncio.run(_older(url)))
        assert export(url, 0, made.whole) == export(url, 0, made.project, "--project", PROJECT) == 0
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def whole(exports: Exports, tmp_path: Path) -> Path:
    """A copy of an export of the whole history."""
    return shutil.copytree(exports.whole, tmp_path / "export")


async def _older(url: str) -> str:
    async with opened(url, LEVELS) as log:
        return (await write_history(log)).older


def export(url: str, killed_at: int, folder: Path, *options: str) -> int:
    """Export in another process, which is killed at a write, with 0 at none; return its exit code."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "EXEMPLAR_MONGODB_URL": url,
        "EXEMPLAR_CHECKPOINT_KEY": SEED,
    }
    done = run_forked(partial(killing.main, killed_at, [str(folder), *options]), env=env, cwd=ROOT)
    assert done.code in {0, -signal.SIGKILL}, done.error
    return done.code
