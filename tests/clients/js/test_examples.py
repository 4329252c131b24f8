"""The examples of the JavaScript client, run by Node; each is one of the use cases that the service was made for."""

import os
import subprocess
from pathlib import Path

import httpx
from PIL import Image

from exemplar_client import AccessKey, Client
from tests.clients.js.conftest import CLIENT
from tests.systems.system import System

PICTURES = [str(CLIENT.parents[1] / "exemplar/demo/samples" / name) for name in ("astronaut.png", "coffee.png")]


def test_the_three_examples_work(solo: System, access_key: str, tmp_path: Path) -> None:
    def run(name: str, *arguments: str) -> list[str]:
        command = ["node", str(CLIENT / "examples" / name), *arguments, *PICTURES]
        env = os.environ | {"BASE": solo.base_url, "ACCESS_KEY": access_key}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run("portfolio.mjs", "A quiet harbour") == ["portfolio.png"]
    with Image.open(tmp_path / "portfolio.png") as picture:
        picture.verify()
    variations = run("products.mjs", "cup", "red,blue")
    assert [line.split()[:2] for line in variations] == [["completed", "red"], ["completed", "blue"]]
    assert run("products.mjs", "cup", "red,blue") == variations
    *events, link = run("content.mjs", "A quiet harbour", "watercolour", "")
    assert events[-1].strip() == "generation.completed"
    assert httpx.get(link).headers["Content-Type"] == "image/png"
    with Client(solo.base_url, AccessKey(access_key)) as client:
        assert len(list(client.all())) == 4
