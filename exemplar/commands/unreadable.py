"""What commands that read every stream report of those that they could not read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from store.commits.unreadable import UnreadableCommit

EXIT_CODE: Final = 3
"""Exit code of a command that could not read every stream, whatever else it found."""


@dataclass
class Unreadable:
    """The streams that could not be read, each named once, by its first fault."""

    _found: dict[str, UnreadableCommit] = field(default_factory=dict)

    def add(self, found: UnreadableCommit) -> None:
        self._found.setdefault(found.stream, found)

    def exit_code(self, otherwise: int) -> int:
        return EXIT_CODE if self._found else otherwise

    def as_json(self) -> Sequence[dict[str, Any]]:
        return [asdict(found) for found in self._found.values()]

    def lines(self) -> Sequence[str]:
        return [f"not readable: {one.stream} at version {one.version}: {one.reason}" for one in self._found.values()]
