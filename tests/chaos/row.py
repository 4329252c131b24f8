"""A row of the fault table: injects its fault into a system under load, and restarts what it ended."""

from collections.abc import Awaitable, Callable

from tests.chaos.scene import Scene

Row = Callable[[Scene], Awaitable[None]]
