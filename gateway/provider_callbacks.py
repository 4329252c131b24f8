"""Signed callbacks of the provider that report the state of a prediction."""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from aiohttp import web
from structlog.contextvars import bind_contextvars
from typing_extensions import TypedDict

from domain.errors import ErrorCode, ExemplarError
from domain.generation.callback import read_callback
from domain.generation.prediction import Prediction, parse_answer
from domain.paths import PROVIDER_CALLBACK
from domain.webhooks.signature import signature_of
from events.envelope import PROVIDER, Cause
from gateway.http.request_ids import request_id_of
from gateway.openapi.operation import post
from store.generations.observations import Observations

_TOLERANCE: Final = timedelta(minutes=5)

log = structlog.get_logger()

_PREDICTION: Final = {
    "application/json": {"type": "object", "description": "A prediction, as the provider's own API describes it"}
}
_CODES = (ErrorCode.INVALID_CREDENTIALS, ErrorCode.NOT_FOUND)


class ReceivedCallback(TypedDict):
    """The callback is known."""

    received: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRoutes:
    """Record predictions that the provider reports.

    `provider_secret(stale=...)` reads the key that signs callbacks, again if it is `stale`; None when the
    provider cannot be reached. `provider_now` is the provider's clock, ours until that is known.
    """

    observations: Observations
    provider_secret: Callable[..., Awaitable[str | None]]
    callback_keys: Sequence[bytes]
    provider_name: str
    read_prediction: Callable[[object], Prediction | None]
    provider_now: Callable[[], datetime]

    @post(PROVIDER_CALLBACK, "public", body=_PREDICTION, any_query=True, answer=ReceivedCallback, codes=_CODES)
    async def called_back(self, request: web.Request) -> web.Response:
        """Receive a signed callback of the provider; repeated, late and foreign ones change nothing."""
        callback = read_callback(request.query, self.callback_keys)
        if callback is None or request.match_info["provider"] != self.provider_name:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        bind_contextvars(generation_id=callback.generation)
        sent = await request.read()
        await self._verify(sent, request)
        try:
            prediction = self.read_prediction(parse_answer(sent))
        except RecursionError:
            prediction = None
        if prediction is None:
            raise ExemplarError(ErrorCode.INVALID_REQUEST)
        cause = Cause(actor=PROVIDER, request_id=request_id_of(request))
        recorded = await self.observations.record(callback.generation, callback.attempt, prediction, cause=cause)
        if recorded is None:
            log.warning("callback_without_effect", prediction=prediction.id)
        body: ReceivedCallback = {"received": True}
        return web.json_response(body)

    async def _verify(self, body: bytes, request: web.Request) -> None:
        """Check signature and age, again after reading the key: it may be a new one, and the provider's clock is."""
        secret = await self.provider_secret()
        if secret is not None and self._is_signed(secret, body, request):
            return
        fresh = await self.provider_secret(stale=secret)
        if fresh is None:
            raise ExemplarError(ErrorCode.SERVER_BUSY)
        if not self._is_signed(fresh, body, request):
            log.warning("callback_refused")
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)

    def _is_signed(self, secret: str, body: bytes, request: web.Request) -> bool:
        headers = request.headers
        try:
            sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            content = f"{headers['webhook-id']}.{int(sent_at.timestamp())}.".encode() + body
            signature = signature_of(secret, content).encode()
            given = headers.get("webhook-signature", "").encode().split(b" ")
        except (KeyError, ValueError, OverflowError, OSError):
            return False
        signed = any(hmac.compare_digest(one, signature) for one in given)
        return signed and abs(sent_at - self.provider_now()) <= _TOLERANCE
