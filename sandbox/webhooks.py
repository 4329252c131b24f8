"""Send the webhooks of a prediction as Replicate does, signed per Standard Webhooks.

Start, output and logs are sent once. The final one is repeated after a failed connection or a response other
than 2xx (a redirect included), with growing pauses, the last about a minute after the end.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

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
    """Return the signing secret of an account: derived from the token, so that it survives a restart."""
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
class _Outbox:
    """The messages of one prediction: last delivery, held messages, time of the last throttled one."""

    last: asyncio.Task[None] | None = None
    held: list[Message] = field(default_factory=list)
    throttled_at: float = float("-inf")
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class Sender:
    """Sends webhooks in the background; those of one prediction one after the other."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        secret: str,
        clock: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._session = session
        self._secret = secret
        self._clock = clock
        self._rng = rng
        self._outboxes: dict[str, _Outbox] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: Counter[tuple[str | None, int]] = Counter()

    def answers(self) -> list[dict[str, Any]]:
        """Return how many webhooks with a fault were answered with a status."""
        return [{"webhook": fault, "status": status, "count": n} for (fault, status), n in self._answers.items()]

    def notify(self, prediction: Prediction, event: str) -> None:
        """Send the prediction as it is now, if this event is asked for."""
        if prediction.webhook is None:
            return
        outbox = self._outbox(prediction)
        if prediction.wants(event) and prediction.faults.webhook != "lost" and _is_due(outbox, event):
            self._enqueue(outbox, self._message(prediction, prediction.webhook, final=event == "completed"))
        if event == "completed":
            self._close_outbox(prediction)

    async def first_delivered(self, prediction: Prediction, *, within: float) -> None:
        """Wait until the prediction's first message has been sent, at most `within` seconds."""
        if prediction.status.final:
            return
        opened = self._outbox(prediction).opened
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(opened.wait(), within)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _outbox(self, prediction: Prediction) -> _Outbox:
        return self._outboxes.setdefault(prediction.id, _Outbox())

    def _close_outbox(self, prediction: Prediction) -> None:
        outbox = self._outboxes.pop(prediction.id)
        if outbox.last is None:
            outbox.opened.set()

    def _message(self, prediction: Prediction, url: str, *, final: bool) -> Message:
        body = json.dumps(prediction.body(self._clock()))
        return Message(message_id(self._rng), url, body, final, prediction.faults.webhook)

    def _enqueue(self, outbox: _Outbox, message: Message) -> None:
        """Queue a message; under `reorder` the early ones wait for the final one and follow it."""
        if message.fault == "reorder" and not message.final:
            outbox.held.append(message)
            return
        for next_one in (message, *outbox.held):
            outbox.last = asyncio.create_task(self._after(outbox.last, outbox, next_one))
            self._tasks.add(outbox.last)
            outbox.last.add_done_callback(self._tasks.discard)
        outbox.held.clear()

    async def _after(self, earlier: asyncio.Task[None] | None, outbox: _Outbox, message: Message) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        for _ in range(_COPIES if message.fault == "duplicate" else 1):
            await self._deliver(message)
            outbox.opened.set()

    async def _deliver(self, message: Message) -> None:
        for pause in (0, *_PAUSES) if message.final else (0,):
            await asyncio.sleep(pause)
            status = await self._status(message)
            self._answers[message.fault, status] += 1
            if 200 <= status < 300:
                return
        log.warning("sandbox_webhook_abandoned", webhook_id=message.id, final=message.final)

    async def _status(self, message: Message) -> int:
        """Send a message once; return the status of the answer, 0 without one."""
        headers = {"Content-Type": "application/json"} | self._signature(message)
        try:
            async with self._session.post(
                message.url,
                data=message.body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=_TIMEOUT,
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):  # ValueError: a port that is none
            return 0

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


def _is_due(outbox: _Outbox, event: str) -> bool:
    """Tell whether an event may be sent now: output and logs at most every half second, others always."""
    if event not in _THROTTLED:
        return True
    now = asyncio.get_running_loop().time()
    if now - outbox.throttled_at < _THROTTLE_SECONDS:
        return False
    outbox.throttled_at = now
    return True
