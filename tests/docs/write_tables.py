"""Write what the documents derive from the code: `python -m tests.docs.write_tables` (`make derived`)."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from exemplar.settings import env_example
from tests.docs import tables
from tests.docs.reading import ROOT, table

Rows = Sequence[Sequence[str]]

DERIVED: Final[tuple[tuple[str, str, Callable[[], Rows]], ...]] = (
    ("docs/architecture.md", "### Jobs", tables.jobs),
    ("docs/architecture.md", "### Subscriptions", tables.subscriptions),
    ("docs/architecture.md", "### Who writes which event", tables.writers),
    ("docs/errors.md", "## Codes", tables.errors),
    ("docs/lifecycle.md", "## Moves", tables.moves),
    ("docs/lifecycle.md", "## Reasons to fail", tables.failures),
    ("docs/limits.md", "## Tiers", tables.tiers),
    ("docs/metrics.md", "## All metrics", tables.metrics),
)
"""Document, heading, and the first cells of every row; the cells behind them are written by people."""

COPIED_PICTURES: Final = {"docs/images/lifecycle.svg": "gateway/console/static/lifecycle.svg"}
"""Pictures of the documents that the console shows too, and serves as files of its own."""


def merged(derived: Rows, written: Rows) -> list[list[str]]:
    """Put the derived cells before those that people wrote; a new row gets empty ones."""
    known = {row[0]: row for row in written}
    empty = [""] * len(written[0])
    return [[*cells, *known.get(cells[0], empty)[len(cells) :]] for cells in derived]


def with_table(text: str, heading: str, rows: Rows) -> str:
    """Replace the rows of the first table under a heading."""
    above, found, below = text.partition(f"\n{heading}\n")
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
    body = re.sub(r"(?m)^(\|[-|]+\|\n)(?:\|.*\n)+", lambda match: match[1] + lines, below, count=1)
    return above + found + body


def write() -> None:
    """Write every derived table, the settings and the copies of pictures."""
    for document, heading, rows in DERIVED:
        path = ROOT / document
        path.write_text(with_table(path.read_text(), heading, merged(rows(), table(document, heading))))
    configuration = ROOT / "docs/configuration.md"
    above, mark, _ = configuration.read_text().partition("-->\n\n")
    configuration.write_text(above + mark + tables.settings())
    (ROOT / ".env.example").write_text(env_example())
    for picture, copy in COPIED_PICTURES.items():
        (ROOT / copy).write_bytes((ROOT / picture).read_bytes())


if __name__ == "__main__":
    write()
