"""Allowed imports, the packages of foreign libraries, no work at import, no path of a machine."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.files import CLIENT, PACKAGES, PRODUCT, ROOT, check, kept_files, name_of, nodes_of

MAY_IMPORT: dict[str, set[str]] = {
    "metrics": set(),
    "events": set(),
    "domain": {"events"},
    "store": {"events", "domain", "metrics"},
    "rabbitmq": {"events", "store", "metrics"},
    "actors": {"events", "domain", "store", "metrics"},
    "gateway": {"events", "domain", "store", "metrics"},
    "sandbox": set(),
    "exemplar": set(PACKAGES) - {"exemplar"},
}

# A foreign library -> the path prefixes under which it may be imported.
FENCES: dict[str, tuple[str, ...]] = {
    "motor": ("store/",),
    "pymongo": ("store/",),
    "bson": ("store/",),
    "pika": ("rabbitmq/",),
    "dramatiq": ("actors/",),
    "aiohttp.web": ("gateway/", "sandbox/"),
    "prometheus_client": ("exemplar/metrics/",),
    "opentelemetry": ("exemplar/tracing/",),
    "replicate": ("actors/providers/replicate.py",),
    "c2pa": ("gateway/receipts/c2pa_signer.py",),
    "mcp": ("exemplar/mcp/",),
    "aiobotocore": ("store/objects/s3_objects.py",),
    "botocore": ("store/objects/s3_objects.py",),
    "exemplar_client": ("exemplar/mcp/", "exemplar/client_commands/", "exemplar/demo/"),
    "rich": ("exemplar/client_commands/", "exemplar/diagnosis/"),
    "PIL": (
        "domain/submission/image_header.py",
        "actors/imaging/",
        "sandbox/",
    ),
}
VAGUE = {"utils", "util", "common", "helpers", "helper", "core", "services", "models", "misc", "base"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|Users|mnt)/\w")
INDEX_ADDRESS = re.compile(r"(--index-url|--extra-index-url|index-url\s*=|pypi\.org|/simple\b|files\.pythonhosted)")


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, however deep inside it; `from a import b` counts as a and a.b."""
    for node in nodes_of(path, ast.Import):
        yield from (alias.name for alias in node.names)
    for chosen in nodes_of(path, ast.ImportFrom):
        assert chosen.level == 0, f"{path}: relative import"
        yield chosen.module or ""
        yield from (f"{chosen.module}.{alias.name}" for alias in chosen.names)


def test_every_package_is_found() -> None:
    assert {name_of(path).partition("/")[0] for path in PRODUCT} >= set(PACKAGES)


def test_packages_import_only_the_allowed_packages() -> None:
    def forbidden(path: Path) -> set[str]:
        package = name_of(path).partition("/")[0]
        used = {name.partition(".")[0] for name in imports_of(path)} & {*PACKAGES, "tests", "bench"}
        return used - MAY_IMPORT[package] - {package}

    check(PRODUCT, forbidden)


def test_the_client_imports_nothing_of_the_product() -> None:
    allowed = {"cryptography", "exemplar_client", "httpx", "standardwebhooks"} | sys.stdlib_module_names
    check(CLIENT, lambda path: {name.partition(".")[0] for name in imports_of(path)} - allowed)


def test_foreign_libraries_are_imported_in_their_packages_only() -> None:
    def fenced(path: Path) -> list[str]:
        return [
            library
            for name in imports_of(path)
            for library, prefixes in FENCES.items()
            if (name == library or name.startswith(f"{library}.")) and not name_of(path).startswith(prefixes)
        ]

    check(PRODUCT, fenced)


def test_aiohttp_web_is_not_reached_through_aiohttp() -> None:
    def reached(path: Path) -> list[int]:
        return [
            node.lineno
            for node in nodes_of(path, ast.Attribute)
            if node.attr == "web" and isinstance(node.value, ast.Name) and node.value.id == "aiohttp"
        ]

    check([path for path in PRODUCT if not name_of(path).startswith(FENCES["aiohttp.web"])], reached)


def test_only_the_application_prints() -> None:
    def prints(path: Path) -> list[int]:
        calls = nodes_of(path, ast.Call)
        return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]

    printing = ("exemplar/", "clients/python/examples/")
    check([path for path in PRODUCT + CLIENT if not name_of(path).startswith(printing)], prints)


def test_no_module_has_a_vague_name() -> None:
    check(PRODUCT + CLIENT, lambda path: {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & VAGUE)


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
    names = [name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in PRODUCT]
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


def texts() -> Iterator[tuple[Path, str]]:
    for path in kept_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_the_repository_has_no_path_of_a_machine_and_no_package_index() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATH.search(line) or INDEX_ADDRESS.search(line)
    ]
    assert not found
