"""The walks of CONTRIBUTING.md name files and commands that exist, and few enough of them."""

import importlib.util
import re

import pytest

from tests.docs.reading import ROOT, code_spans

PAGE = ROOT / "CONTRIBUTING.md"
TEXT = PAGE.read_text()
SETUP, _, WALKS = TEXT.partition("## Walks\n")
WALK = dict(re.findall(r"^### (.+)\n((?:(?!### ).*\n?)*)", WALKS, re.MULTILINE))
MOST = dict.fromkeys(WALK, 6) | {"A new model provider": 8, "A new blob store": 8}
NUMBERS = ("", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")

each_walk = pytest.mark.parametrize("walk", WALK)


def files_of(walk: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", WALK[walk], re.MULTILINE)


def test_there_is_a_walk_for_each_usual_change() -> None:
    assert set(WALK) == {
        "A new event type",
        "A new actor",
        "A new endpoint",
        "A new webhook event",
        "A new error code",
        "A new tier",
        "A new scheduled job",
        "A changed retry schedule",
        "A new secret",
        "A new model provider",
        "A new blob store",
    }


@each_walk
def test_a_walk_names_few_files_and_says_how_many(walk: str) -> None:
    files = files_of(walk)
    assert 1 <= len(files) <= MOST[walk]
    assert len(set(files)) == len(files)
    assert re.match(rf"\n{NUMBERS[len(files)]} files?\b", WALK[walk])


@each_walk
def test_a_walk_names_the_test_that_proves_it(walk: str) -> None:
    assert re.search(r"-m pytest -q tests/", WALK[walk])


def test_every_path_exists() -> None:
    paths = {span for span in code_spans(PAGE) if re.fullmatch(r"[a-z_]+/[a-z_/.]*|[\w.]+\.(?:py|md|toml)", span)}
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_target_of_make_exists() -> None:
    named = set(re.findall(r"(?:`|^)make (\w+)", TEXT, re.MULTILINE))
    assert named
    assert named <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_command_names_tests_and_modules_that_exist() -> None:
    modules = set(re.findall(r"-m ([\w.]+)", TEXT + (ROOT / "Makefile").read_text()))
    assert all(importlib.util.find_spec(module) for module in modules)
    tests = {path for line in re.findall(r"-m pytest -q (.+)", TEXT) for path in line.split()}
    assert tests
    assert [path for path in sorted(tests) if not (ROOT / path).exists()] == []


def test_no_line_is_longer_than_120_characters() -> None:
    assert max(map(len, TEXT.splitlines())) <= 120
