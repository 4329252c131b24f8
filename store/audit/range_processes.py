"""Processes that verify ranges of the log at the same time; each has a connection of its own.

They load no more than they need, because that is loaded each time.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from domain.audit.checkpoints import ContradictionError
from store.audit.commit_scan import CommitScan
from store.audit.log_range import LogRange
from store.audit.range_verification import RangeVerification, VerifiedPart, VerifiedRange
from store.errors import StoreError
from store.fork_server import fork_server
from store.mongo.connection import open_database
from store.settings import StoreSettings

Message = VerifiedPart | VerifiedRange | Exception | None


@dataclass(frozen=True, slots=True)
class RangeProcesses:
    """Verify a log in `count` processes; what they need is loaded from now on, while the ranges are planned."""

    store_settings: StoreSettings
    count: int

    def __post_init__(self) -> None:
        fork_server(__name__)

    async def __call__(self, whole: LogRange, /) -> AsyncGenerator[VerifiedPart | VerifiedRange, None]:
        """List what they found in the order of their ranges; the first fault ends all of them."""
        running = [_Running(self.store_settings, part) for part in whole.divided(self.count)]
        try:
            for one in running:
                while not isinstance(message := await one.messages.get(), VerifiedRange):
                    if isinstance(message, Exception):
                        raise message
                    if message is None:
                        raise RuntimeError("a process of the verification has ended")
                    yield message
                yield message
        finally:
            for one in running:
                one.process.terminate()
                one.process.join()


class _Running:
    """A process that verifies a range; its messages end with a `VerifiedRange`, an error, or None if it was ended.

    They are small, so that it never waits for a range before it.
    """

    def __init__(self, store_settings: StoreSettings, within: LogRange) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        server = fork_server(__name__)
        received, sent = server.Pipe(duplex=False)
        self.process: BaseProcess = server.Process(target=_verify, args=(store_settings, within, sent), daemon=True)
        self.process.start()
        sent.close()
        Thread(target=self._receive, args=(received, asyncio.get_running_loop()), daemon=True).start()

    def _receive(self, received: "Connection[Any, Message]", loop: asyncio.AbstractEventLoop) -> None:
        message: Message = VerifiedPart(0, (), ())
        while isinstance(message, VerifiedPart):
            try:
                message = received.recv()
            except (EOFError, OSError):
                message = None
            try:
                loop.call_soon_threadsafe(self.messages.put_nowait, message)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return


def _verify(store_settings: StoreSettings, within: LogRange, sent: "Connection[Message, Any]") -> None:
    asyncio.run(_send(store_settings, within, sent))


async def _send(store_settings: StoreSettings, within: LogRange, sent: "Connection[Message, Any]") -> None:
    async with open_database(store_settings.of_reader) as database:
        try:
            async for part in RangeVerification(CommitScan(database)).parts(within):
                sent.send(part)
        except (ContradictionError, StoreError) as error:
            sent.send(error)
