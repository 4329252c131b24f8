"""The programs of the client's README work."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import run
from tests.systems.account import Account
from tests.systems.system import System

README = "clients/python/README.md"
CLIENT = ROOT / "clients/python"


def test_the_first_program_makes_a_picture(solo: System, account: Account, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    env = {**account.environment(solo.base_url), "PYTHONPATH": str(CLIENT)}
    lines = run([sys.executable, "-c", blocks(README, "python")[0]], tmp_path, env).splitlines()
    assert (lines[0], lines[-1]) == ("1 generation.requested", "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_the_programs_for_other_credentials_work(
    solo: System, account: Account, access_key: str, tmp_path: Path
) -> None:
    env = {**account.environment(solo.base_url), "ACCESS_KEY": access_key, "PYTHONPATH": str(CLIENT)}
    assert run([sys.executable, "-c", blocks(README, "python")[1]], tmp_path, env) == "None\n"
    assert run([sys.executable, "-c", blocks(README, "python")[3]], tmp_path, env).endswith(" 0\n")
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    assert run([sys.executable, "-c", blocks(README, "python")[2]], tmp_path, env).startswith("2 False ")


def test_the_client_is_a_package_of_its_own(tmp_path: Path) -> None:
    source = shutil.copytree(CLIENT, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    target = tmp_path / "installed"
    install = [*pip, "--no-index", "--no-build-isolation", "--target", str(target), str(source)]
    run(install, tmp_path, {})
    asked = "import exemplar_client; print(exemplar_client.__file__)"
    said = run([sys.executable, "-P", "-c", asked], tmp_path, {"PYTHONPATH": str(target)})
    assert Path(said.strip()) == target / "exemplar_client/__init__.py"
    assert (target / "exemplar_client/py.typed").exists()


def test_every_program_has_the_right_types(tmp_path: Path) -> None:
    programs = blocks(README, "python")
    assert len(programs) == 6
    files = [tmp_path / f"program_{number}.py" for number in range(len(programs))]
    for file, program in zip(files, programs, strict=True):
        file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", *map(str, files)]
    env = {"MYPYPATH": str(CLIENT), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
