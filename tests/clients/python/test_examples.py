"""The examples of the Python client, run as programs; each is one of the use cases that the service was made for."""

import runpy
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from exemplar_client import AccessKey, Client
from tests.docs.reading import ROOT
from tests.systems.system import System

EXAMPLES = ROOT / "clients/python/examples"
PICTURES = [str(ROOT / "exemplar/demo/samples" / name) for name in ("astronaut.png", "coffee.png")]


@pytest.fixture(autouse=True)
def environment(solo: System, access_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE", solo.base_url)
    monkeypatch.setenv("ACCESS_KEY", access_key)


@pytest.fixture
def client(solo: System, access_key: str) -> Client:
    return Client(solo.base_url, AccessKey(access_key))


def run(name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_a_portfolio_gets_its_picture(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    run("portfolio.py", "A quiet harbour", *PICTURES, monkeypatch=monkeypatch)
    with Image.open(tmp_path / "portfolio.png") as picture:
        picture.verify()
    [generation] = client.all()
    assert "professional photography" in generation["instructions"]


def test_variations_are_made_once_however_often_the_program_runs(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for _ in range(2):
        run("products.py", "cup", "red,blue", *PICTURES, monkeypatch=monkeypatch)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert [line.split()[:2] for line in said[0].splitlines()] == [["completed", "red"], ["completed", "blue"]]
    assert len(list(client.all())) == len(list(tmp_path.glob("cup-*.png"))) == 2


def test_content_is_created_with_progress_and_a_link(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("content.py", "A quiet harbour", "watercolour", "", *PICTURES, monkeypatch=monkeypatch)
    *events, link = capsys.readouterr().out.splitlines()
    assert (events[0].strip(), events[-1].strip()) == ("generation.requested", "generation.completed")
    assert httpx.get(link).headers["Content-Type"] == "image/png"


def test_a_refusal_ends_a_program_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="invalid_instructions"):
        run("content.py", "", "", "", *PICTURES, monkeypatch=monkeypatch)
