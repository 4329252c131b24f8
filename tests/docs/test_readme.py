"""The first commands of the README work as printed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from exemplar.local.banner import curl
from exemplar.local.ports import Ports
from tests.docs.reading import ROOT, blocks
from tests.docs.running import EXEMPLAR, environment, up

START, GENERATE, NAMES, SUBMIT, LOOK, FIVE_HEADERS = blocks("README.md", "sh")
ADDRESS, HOME = "http://127.0.0.1:8000", ".exemplar"
WAIT = """\
for _ in $(seq 300); do
  curl -s -H "Authorization: Bearer $ACCESS_KEY" "{url}/status" | grep -qE '"status": "(completed|failed)"' && break
  sleep 0.1
done
"""


def test_the_request_is_the_one_that_the_banner_prints() -> None:
    demo = {"base_url": ADDRESS, "access_key": "$ACCESS_KEY"}
    photos = sorted(Path("exemplar/demo/samples").glob("*.png"))
    assert curl(demo, photos=photos) == SUBMIT.rstrip("\n")


def test_the_first_commands_are_those_of_the_makefile() -> None:
    assert [line.split("#")[0].strip() for line in START.splitlines()] == ["make run", "make test"]


@pytest.fixture
def running(tmp_path: Path, mongod_installed: None) -> Iterator[dict[str, Any]]:
    """Run `exemplar up` in a folder of its own until its demo.json is there."""
    home = tmp_path / "home"
    with up(environment(home, Ports(tmp_path / "ports.json"))):
        yield {"home": home, **json.loads((home / "demo.json").read_text())}


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: README's commands need it")
def test_the_commands_of_the_readme_work(running: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "exemplar/demo/samples", tmp_path / "exemplar/demo/samples")
    take_id = "ID=$(python3 -c \"import json; print(json.load(open('answer.json'))['id'])\")\n"
    url = f"{ADDRESS}/api/v1/generation/generations-v2/$ID"
    submit = SUBMIT.rstrip("\n") + " > answer.json\n"
    exemplar = f'exemplar() {{ EXEMPLAR_HOME={running["home"]} {EXEMPLAR} "$@"; }}\n'
    script = (
        "set -e\n"
        + exemplar
        + GENERATE.replace(".venv/bin/", "")
        + NAMES
        + submit
        + take_id
        + WAIT.format(url=url)
        + LOOK
    )
    script += FIVE_HEADERS.rstrip("\n") + " > five.json\n"
    script = script.replace(ADDRESS, running["base_url"]).replace(HOME, str(running["home"]))
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert (answer["status"], answer["message"]) == ("pending", "Generation request submitted successfully")
    assert json.loads((tmp_path / "five.json").read_text())["status"] == "pending"
    assert "generation.completed" in done.stdout
    for name in ("picture.png", "mine.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.format == "PNG"
