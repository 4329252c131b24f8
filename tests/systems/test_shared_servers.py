"""Folders that killed runs have left in memory are deleted by the next run, and no others."""

import os
import subprocess
import sys
from pathlib import Path

from tests.systems.shared_servers import delete_abandoned, make_home_in

CHILD = """
import sys, time
from pathlib import Path
from tests.systems.shared_servers import make_home_in
print(make_home_in(Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def test_a_folder_is_deleted_once_its_owner_is_dead(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    theirs = Path(child.stdout.readline().strip())
    mine = make_home_in(tmp_path)
    delete_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, theirs]), "both owners live"
    child.kill()
    child.wait()
    child.stdout.close()
    delete_abandoned(tmp_path)
    assert [*tmp_path.iterdir()] == [mine]


def test_the_number_of_a_dead_owner_may_be_another_process_now(tmp_path: Path) -> None:
    home = make_home_in(tmp_path)
    owner = home / "owner"
    namespace, pid, _ = owner.read_text().split()
    owner.write_text(f"{namespace} {pid} 1")
    delete_abandoned(tmp_path)
    assert not home.exists()


def test_folders_of_others_stay(tmp_path: Path) -> None:
    """One of another container, one that has no name yet, and one that is not of a run."""
    elsewhere, nameless, other = make_home_in(tmp_path), tmp_path / "exemplar-tests-new", tmp_path / "other"
    (elsewhere / "owner").write_text("pid:[1] 999999999 1")
    nameless.mkdir()
    other.mkdir()
    delete_abandoned(tmp_path)
    assert elsewhere.is_dir()
    assert nameless.is_dir()
    assert other.is_dir()
    os.utime(nameless, (0, 0))
    delete_abandoned(tmp_path)
    assert not nameless.exists()
