"""The architecture: allowed imports, places of foreign libraries, sizes of files and functions."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("events", "domain", "store", "rabbitmq", "actors", "gateway", "sandbox", "exemplar")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "__pycache__" not in path.parts
)
CLIENT = sorted((ROOT / "clients/python").rglob("*.py"))
TESTS = sorted(path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py"))

MAY_IMPORT: dict[str, set[str]] = {
    "events": set(),
    "domain": {"events"},
    "store": {"events", "domain"},
    "rabbitmq": {"events", "store"},
    "actors": {"events", "domain", "store"},
    "gateway": {"events", "domain", "store"},
    "sandbox": set(),
    "exemplar": set(PACKAGES) - {"exemplar"},
}

# A foreign library -> the places (path prefixes) in which it may be imported.
FENCES: dict[str, tuple[str, ...]] = {
    "motor": ("store/",),
    "pymongo": ("store/",),
    "bson": ("store/",),
    "pika": ("rabbitmq/",),
    "dramatiq": ("actors/",),
    "aiohttp.web": ("gateway/", "sandbox/"),
    "replicate": ("actors/providers/replicate.py",),
    "PIL": (
        "domain/submission/image_header.py",
        "actors/imaging/",
        "sandbox/",
    ),
}
VAGUE = {"utils", "util", "common", "helpers", "helper", "core", "services", "models", "misc", "base"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|Users|mnt)/\w")
INDEX_ADDRESS = re.compile(
    r"(--index-url|--extra-index-url|index-url\s*=|pypi\.org|/simple\b|files\.pythonhosted)"
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, however deep inside it; `from a import b` counts as a and a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def every(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name_of)


def test_every_package_is_found() -> None:
    assert {name_of(path).partition("/")[0] for path in MODULES} >= set(PACKAGES)


@every(MODULES)
def test_a_package_imports_only_the_packages_that_it_may(path: Path) -> None:
    package = name_of(path).partition("/")[0]
    used = {name.partition(".")[0] for name in imports_of(path)} & {*PACKAGES, "tests", "bench"}
    assert used <= MAY_IMPORT[package] | {package}


@every(CLIENT)
def test_the_client_knows_the_service_by_its_api_alone(path: Path) -> None:
    used = {name.partition(".")[0] for name in imports_of(path)}
    assert used <= {"exemplar_client", "httpx", "standardwebhooks"} | sys.stdlib_module_names


@every(MODULES)
def test_foreign_libraries_stay_inside_their_fences(path: Path) -> None:
    for name in imports_of(path):
        for library, places in FENCES.items():
            if name == library or name.startswith(f"{library}."):
                assert name_of(path).startswith(places), f"{library} may not be imported here"


@every(MODULES)
def test_aiohttp_is_not_imported_whole_to_reach_its_server(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reached = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "web"
        and isinstance(node.value, ast.Name)
        and node.value.id == "aiohttp"
    ]
    assert name_of(path).startswith(FENCES["aiohttp.web"]) or not reached


@every(MODULES + CLIENT)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > 40
    ]
    assert not long


@every(MODULES + CLIENT)
def test_nothing_prints_but_the_command_line(path: Path) -> None:
    calls = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not calls or name_of(path).startswith("exemplar/")


@every(MODULES + CLIENT)
def test_a_module_is_named_after_what_it_holds(path: Path) -> None:
    assert not {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & VAGUE


WATCH = """
import importlib, socket, subprocess, sys, threading

def forbidden(*args, **kwargs):
    raise AssertionError("something happens at import")

def audit(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.exec"):
        raise AssertionError(f"{event} at import")

sys.addaudithook(audit)
threading.Thread.start = forbidden
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == 1
"""


def test_nothing_happens_at_import() -> None:
    names = [
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in MODULES
    ]
    names = [name for name in names if name != "exemplar.local.launcher"]  # a script, never a module
    result = subprocess.run(
        [sys.executable, "-c", WATCH, *names],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr


def kept_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in kept_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_the_repository_names_no_path_of_a_machine_and_no_package_index() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATH.search(line) or INDEX_ADDRESS.search(line)
    ]
    assert not found
