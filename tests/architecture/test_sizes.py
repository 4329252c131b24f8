"""The sizes of files, functions and the root; the one sentence of every package."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.files import CLIENT, PRODUCT, ROOT, kept_files, name_of, nodes_of, text_of

STAND_ALONE = {"exemplar/export/verify.py": 299}  # one file, which is read and run without the product
PACKAGES = [path for path in PRODUCT if path.name == "__init__.py"]


@pytest.mark.parametrize("path", [*PRODUCT, *CLIENT], ids=name_of)
def test_files_have_at_most_250_lines_and_functions_at_most_40(path: Path) -> None:
    assert len(text_of(path).splitlines()) <= STAND_ALONE.get(name_of(path), 250)
    long = [
        node.name
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > 40
    ]
    assert not long


def test_the_root_has_at_most_28_entries() -> None:
    assert len({path.relative_to(ROOT).parts[0] for path in kept_files()}) <= 28


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_a_package_docstring_is_one_sentence(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    sentence = ast.get_docstring(tree) or ""
    assert len(tree.body) == 1
    assert len(re.findall(r"\.(?:\s|$)", sentence)) == 1
    assert sentence.endswith(".")


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in PRODUCT}
    assert {path.parent for path in PACKAGES} == folders
