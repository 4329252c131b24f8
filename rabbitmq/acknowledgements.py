import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from pika.exceptions import AMQPError

from rabbitmq.session import Session

TOGETHER_S = 0.005

log = structlog.get_logger()


class Acknowledgements:
    """Acknowledge what one session delivered, and nothing else: delivery tags count per channel.

    Acknowledgements within 5 ms share a frame. A lost acknowledgement is harmless: the event comes again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._later = asyncio.get_running_loop().call_later
        self._open: dict[int, bool] = {}  # tag -> whether it is done, oldest first
        self._flushing: asyncio.TimerHandle | None = None

    def expect(self, tag: int) -> None:
        """Note a delivery that will be acknowledged or dead-lettered."""
        self._open[tag] = False

    def done(self, tag: int) -> None:
        """Acknowledge a delivery soon."""
        self._open[tag] = True
        if self._flushing is None:
            self._flushing = self._later(TOGETHER_S, self.flush)

    def dead_letter(self, tag: int) -> None:
        """Send a delivery to the dead-letter queue."""
        self._open.pop(tag, None)
        self._send([partial(self._session.channel.basic_nack, tag, requeue=False)])

    def flush(self) -> None:
        """Acknowledge what is done; everything before the oldest unfinished delivery in a single frame."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        together, alone = self._finished()
        ack = self._session.channel.basic_ack
        self._send([partial(ack, together, multiple=True)] * bool(together) + [partial(ack, tag) for tag in alone])

    def _finished(self) -> tuple[int, list[int]]:
        """Remove what is done: the newest tag with nothing unfinished before it (0: none), and the rest."""
        together = 0
        for tag, done in self._open.items():
            if not done:
                break
            together = tag
        finished = [tag for tag, done in self._open.items() if done]
        for tag in finished:
            del self._open[tag]
        return together, [tag for tag in finished if tag > together]

    def _send(self, acknowledgements: Sequence[Callable[[], None]]) -> None:
        if acknowledgements and (self._session.lost.done() or not self._session.channel.is_open):
            log.warning("stale_delivery_not_acknowledged", reason="its connection is lost; it comes again")
            return
        try:
            for acknowledge in acknowledgements:
                acknowledge()
        except AMQPError as error:
            log.warning("deliveries_not_acknowledged", reason=error)
