"""The files that the tests of the architecture read."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("events", "domain", "store", "rabbitmq", "actors", "gateway", "sandbox", "exemplar")


def python_files(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


PRODUCT = python_files(*PACKAGES)
CLIENT = python_files("clients/python")
CODE = [*PRODUCT, *CLIENT, *python_files("tests", "bench")]


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """List all nodes of a module, which is parsed once for all tests of a process."""
    return tuple(ast.walk(ast.parse(text_of(path))))


def kept_files() -> list[Path]:
    """List the files that git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
