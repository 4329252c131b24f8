"""The official npm package of OpenAI against a running system."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from openai import OpenAI

from tests.builders.pictures import SAMPLES
from tests.clients.openai.test_python_package import resource
from tests.systems.system import System

VERSION: Final = "7.59.0"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program beside the installed package; skipped where Node or a registry is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("no Node")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": {"openai": VERSION}}))
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot install openai@{VERSION}: {error}")
    return Path(shutil.copy(Path(__file__).parent / "program.mjs", folder))


def said(program: Path, solo: System, access_key: str) -> Any:
    env = {**os.environ, "BASE": f"{solo.base_url}/v1", "ACCESS_KEY": access_key}
    command = ["node", program.name, str(SAMPLES / "coffee.png")]
    done = subprocess.run(command, cwd=program.parent, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_package_edits_and_streams(program: Path, solo: System, openai: OpenAI, access_key: str) -> None:
    answers = said(program, solo, access_key)
    assert answers["models"] == ["sdxl"]
    for one in (answers["edited"], answers["streamed"]):
        assert resource(openai, one["id"]).json()["result"]["images"][0]["sha256"] == one["sha256"]
    *partial, done = answers["streamed"]["types"]
    assert (set(partial), done) == ({"image_edit.partial_image"}, "image_edit.completed")
    assert answers["refused"] == {"status": 400, "code": "invalid_request", "param": "n"}
