import asyncio
import random
from abc import ABC, abstractmethod
from typing import Self

from rabbitmq.session import Session, keep_open, parameters_of, urls_of


class Link(ABC):
    """A connection to one of RabbitMQ's nodes that is kept open, also as an async context manager.

    The nodes are tried in random order, so that the connections of many processes spread.
    """

    def __init__(self, amqp_url: str, *, name: str, heartbeat: int) -> None:
        nodes = [parameters_of(url, heartbeat=heartbeat, name=name) for url in urls_of(amqp_url)]
        self._nodes = random.sample(nodes, len(nodes))
        self._link: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin to connect, again after each failure, until closed; RabbitMQ need not be up."""
        self._link = asyncio.create_task(keep_open(self._nodes, self._serve))

    async def close(self) -> None:
        """Disconnect."""
        if self._link is not None:
            self._link.cancel()
            await asyncio.wait({self._link})

    @abstractmethod
    async def _serve(self, session: Session) -> None:
        """Use an open session until it is lost."""
