"""Write commands of concurrent callers sent as one for each collection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pymongo.errors import PyMongoError

from store.mongo.batcher import Batcher
from store.mongo.connection import Document, is_transient

_STATEMENTS: Final = {"insert": "documents", "update": "updates"}
_COUNTED: Final = frozenset({"n", "nModified", "upserted", "writeErrors"})
_LARGEST = 32

Run = Callable[[Mapping[str, Any]], Awaitable[Document]]


class WriteBatches:
    """Run `insert` and `update` commands, those of one collection that are given at the same time as one.

    `run` runs a command and must be repeatable: where a common command fails for another reason than that the server
    cannot be reached, each is run by itself, so that the fault of one is not that of the others.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._batchers: dict[tuple[str, str], Batcher[Mapping[str, Any], Document]] = {}

    async def run(self, command: Mapping[str, Any]) -> Document:
        """Return the answer to a command, of a common one what concerns it; raises as `run`."""
        kind, collection = next(iter(command.items()))
        batcher = self._batchers.get((kind, collection))
        if batcher is None:
            batcher = Batcher(partial(self._send, kind, collection), largest=_LARGEST)
            self._batchers[kind, collection] = batcher
        return await batcher.put(command)

    async def _send(
        self, kind: str, collection: str, commands: Sequence[Mapping[str, Any]]
    ) -> Sequence[Document | Exception]:
        if len(commands) == 1:
            return [await self._run(commands[0])]
        name = _STATEMENTS[kind]
        statements = [command[name] for command in commands]
        together = {kind: collection, name: [one for some in statements for one in some], "ordered": False}
        try:
            answer = await self._run(together)
        except Exception as error:
            if isinstance(error, PyMongoError) and is_transient(error):
                raise
            return await asyncio.gather(*map(self._alone, commands))
        return _divided(answer, [len(some) for some in statements])

    async def _alone(self, command: Mapping[str, Any]) -> Document | Exception:
        try:
            return await self._run(command)
        except Exception as error:  # noqa: BLE001 - raised to whoever gave the command
            return error


def _divided(answer: Document, lengths: Sequence[int]) -> list[Document]:
    """Give each of several commands its own of the failed statements.

    Of matched and changed documents only sums are known: each gets its share where every statement changed one.
    """
    answers, start = list[Document](), 0
    shared = {name: value for name, value in answer.items() if name not in _COUNTED}
    all_changed = answer.get("nModified") == sum(lengths)
    for length in lengths:
        faults = [one for one in answer.get("writeErrors", ()) if start <= one["index"] < start + length]
        own = [{**fault, "index": fault["index"] - start} for fault in faults]
        changed = {"nModified": length} if all_changed else {}
        answers.append({**shared, **changed, **({"writeErrors": own} if own else {})})
        start += length
    return answers
