"""The sizes of files, functions and the root; the one sentence of every package."""

import ast
import re
from pathlib import Path

from tests.architecture.files import CLIENT, PRODUCT, ROOT, check, kept_files, name_of, nodes_of, text_of

STAND_ALONE = {"exemplar/export/verify.py": 299}  # one file, which is read and run without the product
PACKAGES = [path for path in PRODUCT if path.name == "__init__.py"]


AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def lines_of(node: AnyFunction) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_have_at_most_250_lines() -> None:
    def too_long(path: Path) -> int:
        lines = len(text_of(path).splitlines())
        return lines if lines > STAND_ALONE.get(name_of(path), 250) else 0

    check([*PRODUCT, *CLIENT], too_long)


def test_functions_have_at_most_40_lines() -> None:
    def too_long(path: Path) -> list[str]:
        functions: list[AnyFunction] = [*nodes_of(path, ast.FunctionDef), *nodes_of(path, ast.AsyncFunctionDef)]
        return [node.name for node in functions if lines_of(node) > 40]

    check([*PRODUCT, *CLIENT], too_long)


def test_the_root_has_at_most_29_entries() -> None:
    assert len({path.relative_to(ROOT).parts[0] for path in kept_files()}) <= 29


def test_package_docstrings_are_one_sentence() -> None:
    def fault_of(path: Path) -> str:
        tree = ast.parse(text_of(path))
        sentence = ast.get_docstring(tree) or ""
        is_one = len(re.findall(r"\.(?:\s|$)", sentence)) == 1 and sentence.endswith(".")
        return "" if is_one and len(tree.body) == 1 else sentence or "no docstring"

    check(PACKAGES, fault_of)


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in PRODUCT}
    assert {path.parent for path in PACKAGES} == folders
