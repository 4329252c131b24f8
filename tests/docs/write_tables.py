"""Write the tables of the documents that follow from the catalogue: `python -m tests.docs.write_tables`."""

import re
from collections.abc import Sequence

from tests.docs import tables
from tests.docs.reading import ROOT

DERIVED = (
    ("docs/lifecycle.md", "## Moves", tables.moves),
    ("docs/architecture.md", "### Who writes which event", tables.writers),
    ("docs/architecture.md", "### Subscriptions", tables.subscriptions),
)


def with_table(text: str, heading: str, rows: Sequence[Sequence[str]]) -> str:
    """Replace the rows of the first table under a heading."""
    above, found, below = text.partition(f"\n{heading}\n")
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
    body = re.sub(r"(?m)^(\|[-|]+\|\n)(?:\|.*\n)+", lambda match: match[1] + lines, below, count=1)
    return above + found + body


def write() -> None:
    """Write every derived table into its document."""
    for document, heading, rows in DERIVED:
        path = ROOT / document
        path.write_text(with_table(path.read_text(), heading, rows()))


if __name__ == "__main__":
    write()
