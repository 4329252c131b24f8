"""Tell the creator of a prediction what becomes of it, as Replicate does.

Signed per Standard Webhooks. Start, output and logs are sent once; only the final one is sent again after a
failed connection or an answer other than 2xx (a redirect too), with growing pauses, the last about a minute
after the end.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import structlog
from standardwebhooks import Webhook

from sandbox.ids import message_id
from sandbox.predictions import Prediction

_PAUSES: Final = (1, 2, 4, 8, 16, 29)
_THROTTLED: Final = frozenset({"output", "logs"})
_THROTTLE_SECONDS: Final = 0.5
_COPIES: Final = 5
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=5)

log = structlog.get_logger()


def secret_for(token: str) -> str:
    """Return the signing secret of an account; it follows from the token, so a restart does not change it."""
    key = hashlib.sha256(b"sandbox webhook secret\0" + token.encode()).digest()[:24]
    return "whsec_" + base64.b64encode(key).decode()


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook; its id stays the same however often it is sent."""

    id: str
    url: str
    body: str
    final: bool
    fault: str | None


@dataclass(slots=True)
class _Line:
    """What is said about one prediction: the last delivery, messages held back, the last throttled moment."""

    last: asyncio.Task[None] | None = None
    held: list[Message] = field(default_factory=list)
    throttled_at: float = float("-inf")
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class Sender:
    """Sends webhooks beside everything else; those of one prediction one after the other."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        secret: str,
        clock: Callable[[], datetime],
        chance: random.Random,
    ) -> None:
        self._session = session
        self._secret = secret
        self._clock = clock
        self._chance = chance
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def notify(self, prediction: Prediction, event: str) -> None:
        """Send the prediction as it is now, if its creator asked for this event."""
        if prediction.webhook is None:
            return
        line = self._line(prediction)
        if prediction.wants(event) and prediction.faults.webhook != "lost" and _due(line, event):
            self._say(line, self._message(prediction, prediction.webhook, final=event == "completed"))
        if event == "completed":
            self._close_line(prediction)

    async def first_delivered(self, prediction: Prediction, *, within: float) -> None:
        """Wait until the prediction's first message has been sent, at most `within` seconds."""
        if prediction.status.final:
            return
        opened = self._line(prediction).opened
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(opened.wait(), within)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _line(self, prediction: Prediction) -> _Line:
        return self._lines.setdefault(prediction.id, _Line())

    def _close_line(self, prediction: Prediction) -> None:
        line = self._lines.pop(prediction.id)
        if line.last is None:
            line.opened.set()

    def _message(self, prediction: Prediction, url: str, *, final: bool) -> Message:
        body = json.dumps(prediction.body(self._clock()))
        return Message(message_id(self._chance), url, body, final, prediction.faults.webhook)

    def _say(self, line: _Line, message: Message) -> None:
        """Queue a message; under `reorder` the early ones wait for the final one and follow it."""
        if message.fault == "reorder" and not message.final:
            line.held.append(message)
            return
        for next_one in (message, *line.held):
            line.last = asyncio.create_task(self._after(line.last, line, next_one))
            self._tasks.add(line.last)
            line.last.add_done_callback(self._tasks.discard)
        line.held.clear()

    async def _after(self, earlier: asyncio.Task[None] | None, line: _Line, message: Message) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        for _ in range(_COPIES if message.fault == "duplicate" else 1):
            await self._deliver(message)
            line.opened.set()

    async def _deliver(self, message: Message) -> None:
        for pause in (0, *_PAUSES) if message.final else (0,):
            await asyncio.sleep(pause)
            if await self._accepted(message):
                return
        log.warning("webhook given up", webhook_id=message.id, final=message.final)

    async def _accepted(self, message: Message) -> bool:
        headers = {"Content-Type": "application/json"} | self._signature(message)
        try:
            async with self._session.post(
                message.url,
                data=message.body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=_TIMEOUT,
            ) as answer:
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):  # ValueError: a port that is none
            return False

    def _signature(self, message: Message) -> dict[str, str]:
        now = self._clock().astimezone(UTC)
        if message.fault == "stale":
            now -= timedelta(hours=1)
        secret = secret_for("another account") if message.fault == "bad_signature" else self._secret
        return {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message.id, now, message.body),
        }


def _due(line: _Line, event: str) -> bool:
    """Tell whether an event may be told now: output and logs at most every half second, the others always."""
    if event not in _THROTTLED:
        return True
    now = asyncio.get_running_loop().time()
    if now - line.throttled_at < _THROTTLE_SECONDS:
        return False
    line.throttled_at = now
    return True
