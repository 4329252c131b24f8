"""An export that was killed continues where it was, and becomes what it would have been."""

import random
import signal
from pathlib import Path

import pytest

from tests.exemplar.commands.audit_command import SEED
from tests.exemplar.export.conftest import ROOT, export
from tests.exemplar.export.verifying import GENERATIONS, PROJECT, History, files_in, judged
from tests.systems.commands import run_command

WRITES = 12


@pytest.mark.timeout(300)
@pytest.mark.parametrize("options", [(), ("--project", PROJECT)], ids=["whole", "project"])
def test_an_export_that_is_killed_again_and_again_becomes_the_same(
    history: History, mongodb_url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert export(mongodb_url, 0, tmp_path / "at once", *options) == 0
    chosen, kills = random.Random(str(options)), 0
    while export(mongodb_url, chosen.randint(1, WRITES) if kills < 5 else 0, tmp_path / "killed", *options) != 0:
        kills += 1
        assert not (tmp_path / "killed/MANIFEST").exists()
        assert judged(tmp_path / "killed").code == 1
    assert kills >= 3
    assert files_in(tmp_path / "killed") == files_in(tmp_path / "at once")
    assert judged(tmp_path / "killed").code == 0


async def test_what_was_erased_meanwhile_is_gone_when_it_continues(
    history: History, mongodb_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    assert export(mongodb_url, 20, folder) == -signal.SIGKILL
    erased = [blob.sha256 for blob in history.generations[0].blobs]
    assert any(list(folder.rglob(f"{name}.png")) for name in erased)
    await history.log.store.blobs.erase(GENERATIONS[0])
    await history.log.store.personal_data.erase(GENERATIONS[0])
    assert export(mongodb_url, 0, folder) == 0
    assert not any(name.encode() in content for content in files_in(folder).values() for name in erased)
    assert judged(folder).code == 0


def test_what_is_written_stays_when_the_log_grows(history: History, mongodb_url: str, tmp_path: Path) -> None:
    assert export(mongodb_url, 0, tmp_path / "at once") == 0
    assert export(mongodb_url, 12, tmp_path / "killed") == -signal.SIGKILL
    written = (tmp_path / "killed/checkpoint.txt").read_bytes()
    env = {"EXEMPLAR_MONGODB_URL": mongodb_url, "EXEMPLAR_CHECKPOINT_KEY": SEED}
    assert run_command("audit", "checkpoint", env=env, cwd=ROOT).code == 0
    assert export(mongodb_url, 0, tmp_path / "killed") == 0
    assert (tmp_path / "killed/checkpoint.txt").read_bytes() == written
    assert files_in(tmp_path / "killed") == files_in(tmp_path / "at once")
