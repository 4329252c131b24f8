"""A real gateway that is killed right before or right after the append of a generation's first event."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from exemplar import processes
from exemplar.logging import configure_logging
from store.commits.mongo import MongoEventStore

insert = MongoEventStore._insert


async def die(self: MongoEventStore, documents: Sequence[dict[str, Any]]) -> list[Exception | int | None]:
    first = any(document["stream"].startswith("generation-") for document in documents)
    if first and sys.argv[1] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    outcomes = await insert(self, documents)
    if first:
        os.kill(os.getpid(), signal.SIGKILL)
    return outcomes


if __name__ == "__main__":
    MongoEventStore._insert = die  # type: ignore[method-assign]
    configure_logging("gateway")
    asyncio.run(processes.run("gateway", reuse_port=False, **processes.read_settings("gateway")))
