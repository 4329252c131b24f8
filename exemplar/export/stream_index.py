import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from exemplar.export.commit_lines import CommitLine
from exemplar.export.request import json_line

ROW_COMMITS: Final = 500
PAGE_ROWS: Final = 500
PAGE_COMMITS: Final = 2000

_TABLE: Final = (
    "CREATE TABLE commits (stream TEXT, first INTEGER, part INTEGER, last INTEGER, time TEXT, types TEXT,"
    " PRIMARY KEY (stream, first)) WITHOUT ROWID"
)
_ORDERED: Final = "SELECT stream, part, first, last, time, types FROM commits ORDER BY stream, first"


class StreamIndex:
    """Sort the commits of an export by stream, in a file: memory does not grow with them."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", _TABLE, "BEGIN"):
            self._database.execute(statement)

    def add(self, part: int, commits: Iterable[CommitLine]) -> None:
        """Add the commits of a part; raises ContradictionError for a second commit of one version."""
        for commit in commits:
            try:
                self._database.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", _row(part, commit))
            except sqlite3.IntegrityError:
                message = f"position {commit.position}: {commit.events[0]['id']} has an earlier position, too"
                raise ContradictionError(message, commit.position) from None

    def pages(self) -> Iterator[tuple[str, list[bytes]]]:
        """Write pages of rows, each with its first stream; a long stream has several rows.

        A row lists commits: part, first and last version, time of the first event, types.
        """
        first, rows, commits = "", list[bytes](), 0
        for stream, some in self._rows():
            first = first if rows else stream
            rows.append(json_line({"stream": stream, "commits": some}))
            commits += len(some)
            if len(rows) >= PAGE_ROWS or commits >= PAGE_COMMITS:
                yield first, rows
                rows, commits = [], 0
        if rows:
            yield first, rows

    def close(self) -> None:
        self._database.close()

    def _rows(self) -> Iterator[tuple[str, list[Any]]]:
        for stream, found in groupby(self._database.execute(_ORDERED), key=lambda row: row[0]):
            some = list[Any]()
            for _, *commit, types in found:
                some.append([*commit, json.loads(types)])
                if len(some) >= ROW_COMMITS:
                    yield stream, some
                    some = []
            if some:
                yield stream, some


def _row(part: int, commit: CommitLine) -> tuple[Any, ...]:
    first, last = commit.events[0], commit.events[-1]
    types = json.dumps([event["type"] for event in commit.events])
    return first["stream"], first["version"], part, last["version"], first["time"], types
