"""Reading the documents: their tables, code blocks, links and names."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "clients/js/README.md",
        ROOT / "clients/python/README.md",
    ]
)


def table(document: str, heading: str) -> list[list[str]]:
    """Read the cells of the first table under a heading, without its head."""
    text = (ROOT / document).read_text()
    _, found, below = text.partition(f"\n{heading}\n")
    assert found, f"{document} has no heading {heading!r}"
    rows = re.findall(r"^\|(.*)\|$", below.split("\n#")[0], re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]
    assert len(cells) > 2, f"{document} has no table under {heading!r}"
    return cells[2:]


def columns(document: str, heading: str, *numbers: int) -> list[list[str]]:
    """Read some columns of the first table under a heading."""
    return [[row[number] for number in numbers] for row in table(document, heading)]


def blocks(document: str, language: str) -> list[str]:
    """Read the code blocks of one language."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section_blocks(document: str, heading: str, language: str) -> list[str]:
    """Read the code blocks of one language in one section."""
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^## )", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no section {heading!r}"
    return re.findall(rf"^```{language}\n(.*?)^```$", found[1], re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """Read a document without its code blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def code_spans(path: Path) -> Iterator[str]:
    """Read the code spans of a document's prose."""
    yield from re.findall(r"`([^`\n]+)`", prose(path))


def links(path: Path) -> list[str]:
    """Read the targets of a document's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(path))


def anchors(path: Path) -> set[str]:
    """Name the headings of a document as links do."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
