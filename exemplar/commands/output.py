"""The output of commands: text for people, JSON for scripts."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime


def print_fields(fields: Mapping[str, object], *, as_json: bool) -> None:
    """Print one field a line, leaving out those without a value, or one JSON object."""
    if as_json:
        print_json(fields)
        return
    width = max(map(len, fields))
    lines = [f"{name:<{width}}  {_text(value)}" for name, value in fields.items() if value is not None]
    sys.stdout.write("\n".join(lines) + "\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns of the width they need."""
    cells = [tuple(head), *(tuple(map(_text, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    sys.stdout.write("\n" + "\n".join(line.rstrip() for line in lines) + "\n")


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case _:
            return str(value)


def print_json(value: object) -> None:
    """Print JSON, times as RFC 3339."""
    sys.stdout.write(json.dumps(value, indent=2, default=_json) + "\n")


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
