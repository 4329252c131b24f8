"""The files that the tests of the architecture read."""

import ast
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PACKAGES = ("metrics", "events", "domain", "store", "rabbitmq", "actors", "gateway", "sandbox", "exemplar")


def python_files(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


PRODUCT = python_files(*PACKAGES)
CLIENT = python_files("clients/python")
CODE = [*PRODUCT, *CLIENT, *python_files("tests", "bench")]

Node = TypeVar("Node", bound=ast.AST)


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def nodes_of(path: Path, kind: type[Node]) -> Sequence[Node]:
    """List the nodes of one kind in a module."""
    return _nodes_of(path)[kind]  # type: ignore[return-value]


@cache
def _nodes_of(path: Path) -> defaultdict[type[ast.AST], list[ast.AST]]:
    """Sort the nodes of a module, which is parsed once for all tests of a process, by their kind."""
    found = defaultdict[type[ast.AST], list[ast.AST]](list)
    for node in walk(ast.parse(text_of(path))):
        found[type(node)].append(node)
    return found


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it in any order, in half the time of `ast.walk`."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                nodes.append(value)
            elif isinstance(value, list):
                nodes += [one for one in value if isinstance(one, ast.AST)]


def forget() -> None:
    """Free the parsed modules."""
    _nodes_of.cache_clear()


def check(paths: Iterable[Path], fault_of: Callable[[Path], object]) -> None:
    """Raise with every file that has a fault; one test for all files costs a hundredth of one for each."""
    found = [f"{name_of(path)}: {fault}" for path in paths if (fault := fault_of(path))]
    assert not found, "\n".join(["", *found])


def kept_files() -> list[Path]:
    """List the files that git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
