"""Write saved results into docs/performance.md and draw its picture: `python -m bench.document FILE`."""

import argparse
import re
from pathlib import Path

from bench.plot import bars, draw
from bench.report import markdown, read_rows
from bench.servers import ROOT

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance"
SHOWN = f"![Each measured row against its goal](images/{PICTURE.name}.png)"
PART = re.compile(r"(?<=<!-- Results: )(.*?-->\n\n).*?(?=\n<!-- End of the results)", re.DOTALL)


def with_results(page: str, table: str) -> str:
    """Replace the results of the page."""
    written, count = PART.subn(lambda found: f"{found[1]}{SHOWN}\n\n{table}", page)
    if count != 1:
        raise ValueError("the page has no part for results")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.document", description="Document saved results.")
    parser.add_argument("file", type=Path, help="JSON lines of `python -m bench --save`")
    rows = read_rows(parser.parse_args().file.read_text(encoding="utf-8"))
    draw(bars(rows), PICTURE)
    PAGE.write_text(with_results(PAGE.read_text(encoding="utf-8"), markdown(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
