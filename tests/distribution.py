"""How tests are spread over processes: a file goes to one, and so do files that share a system; the longest first."""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
_SYSTEM = re.compile(r'^SYSTEM = "(\w+)"$', re.MULTILINE)
TOGETHER = ("tests/architecture", "tests/console", "tests/docs/recipes")
"""Folders whose files share a system, a browser or what they have read."""

LONG = (
    "tests/journeys/",
    "tests/chaos/",
    "tests/docs/recipes/",
    "tests/console/",
    "tests/store/",
    "tests/rabbitmq/",
    "tests/sandbox/",
    "tests/simulation/",
    "tests/clients/",
    "tests/exemplar/",
    "tests/fuzz/",
    "tests/actors/webhooks/",
    "tests/actors/imaging/",
    "tests/gateway/accounts/",
    "tests/gateway/audit/",
    "tests/gateway/http/",
    "tests/docs/",
)
"""What waits for whole systems, or is long in one file, runs first, so that no process ends long after the others."""


@cache
def unit_of(file: str) -> str:
    """Name what a file is run together with, by itself its own name."""
    folder = file.rpartition("/")[0]
    if folder in TOGETHER:
        return folder
    if folder == "tests/journeys" and (system := _SYSTEM.search((ROOT / file).read_text())):
        return f"{folder} on {system[1]}"
    return file


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the tests, those of a unit one after the other."""

    def rank(item: pytest.Item) -> int:
        return next((number for number, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG))

    items.sort(key=rank)


class UnitScheduling(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Give each unit to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(super()._split_scope(nodeid))
