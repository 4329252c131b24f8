"""Reads that begin with a message, while the log is read that tells whether they are needed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class ReadAhead:
    """Answers that were asked for before they are needed, by generation and name.

    An answer is taken once, at the latest in the run that asked for it. What nobody takes is dropped, and its error
    with it.
    """

    def __init__(self) -> None:
        self._begun: dict[str, dict[str, asyncio.Task[Any]]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def begin(self, generation: str, name: str, read: Coroutine[Any, Any, object]) -> None:
        """Begin a read; it replaces one of the same name."""
        task = asyncio.create_task(read)
        self._running.add(task)
        task.add_done_callback(self._note_end)
        self._begun.setdefault(generation, {})[name] = task

    async def take(self, generation: str, name: str, read: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer of a read that was begun, else that of `read`; raises what the read raises."""
        begun = self._begun.get(generation, {}).pop(name, None)
        answer: Answer = await (read() if begun is None else begun)
        return answer

    def forget(self, generation: str) -> None:
        """Drop what was not taken: the next run reads for itself."""
        self._begun.pop(generation, None)

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever takes the answer gets it; else it is nobody's
