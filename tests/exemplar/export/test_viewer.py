"""The viewer needs no network and shows the exported events."""

import ast
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from playwright.sync_api import sync_playwright

from tests.exemplar.export.verifying import GENERATIONS, VERIFIER, files_in
from tests.systems.browser import find_browser

ROOT = Path(__file__).parents[3]
VIEWER = ROOT / "exemplar/export/viewer"
BROWSER = find_browser()
REMOTE = re.compile(
    rb"""https?:|//[a-z0-9-]+\.|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b|innerHTML"""
)


class Page(HTMLParser):
    """Collect what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.policy = ""
        self.inline = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.references += [value for name in ("src", "href") if (value := found.get(name)) is not None]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        self.inline += (tag == "script" and "src" not in found) + (tag == "style") + ("style" in found)


def page_of(folder: Path) -> Page:
    page = Page()
    page.feed((folder / "index.html").read_text())
    return page


def test_the_page_refers_to_files_beside_it_only(whole: Path) -> None:
    page = page_of(whole)
    assert page.inline == 0
    local = [one for one in page.references if not one.startswith("#")]
    assert sorted(local) == ["viewer/data.js", "viewer/viewer.css", "viewer/viewer.js"]
    assert all((whole / one).is_file() for one in local)


def test_the_policy_of_the_page_allows_no_network(whole: Path) -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in page_of(whole).policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert {rules.pop(name) for name in ("script-src", "style-src", "img-src")} == {"'self' file:"}
    assert rules == {"base-uri": "'none'", "form-action": "'none'"}


@pytest.mark.parametrize("name", ["viewer.js", "viewer.css", "index.html"])
def test_the_viewer_fetches_nothing(name: str) -> None:
    assert not REMOTE.search((VIEWER / name).read_bytes())


def test_its_data_are_those_of_the_exported_files(whole: Path) -> None:
    for path in sorted((whole / "viewer/parts").iterdir()):
        number = path.stem
        called = re.fullmatch(r"exemplarPart\((\d+),(\[.*\]),(\[.*?\])\);\n", path.read_text(), re.DOTALL)
        assert called is not None
        for written, shown in ((whole / f"events/{number}.ndjson", 2), (whole / f"pictures/{number}.ndjson", 3)):
            assert json.loads(called[shown]) == [json.loads(line) for line in written.read_text().splitlines()]
        assert int(called[1]) == int(number)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_a_browser_opens_it_from_the_disk(whole: Path) -> None:
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])

        def dom_of(path: str, shown: str) -> str:
            """Open the page without a network; return what it became once it shows something."""
            page = browser.new_page(offline=True)
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"file://{whole}/index.html{path}")
            page.wait_for_selector(shown, state="attached")
            return page.content()

        overview = dom_of("", "text=22 commits with 24 events")
        generation = dom_of(f"#/stream/generation-{GENERATIONS[0]}", ".mark.completed")
        dom_of("#/position/22", ".wanted")
        browser.close()
    assert "verify.py" in overview
    pictures = [name for name in files_in(whole) if name.endswith(".png") and f'src="{name}"' in generation]
    assert len(pictures) == 2
    assert ">requested<" in generation
    assert "position 22" not in generation
    assert {url.partition(":")[0] for url in asked} == {"file"}


def test_the_verifier_is_short_and_of_the_standard_library() -> None:
    text = VERIFIER.read_text()
    assert len(text.splitlines()) < 300
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {
        *("__future__", "argparse", "base64", "collections", "contextlib", "functools", "hashlib", "json", "os"),
        *("pathlib", "sys", "typing"),
    }


def test_an_installed_package_has_the_files_of_an_export(tmp_path: Path) -> None:
    [built] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    listed = subprocess.run(
        ["python3", "-m", "zipfile", "-l", built], capture_output=True, text=True, check=True
    ).stdout
    for name in ("verify.py", "viewer/index.html", "viewer/viewer.js", "viewer/viewer.css"):
        assert f"exemplar/export/{name}" in listed
