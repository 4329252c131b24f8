"""Replicate's HTTP API behind the provider port, by the official client but for what is frequent (docs/adr/0022).

The client's model classes refuse statuses that are newer than they are, and its errors drop headers and
bodies. So the raw response is captured as it arrives, and the client's own result is ignored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from time import monotonic as _monotonic
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
import httpx
import structlog
from replicate.client import Client

from actors.providers.capture import capture, captured
from actors.providers.circuit import READ_EVERY, Circuit
from actors.providers.creation import Creation, Response, parsed
from actors.providers.outputs import Outputs
from actors.providers.provider import Created, ListTooLongError, ProviderUnavailableError, Refused, Unknown
from actors.providers.provider_clock import ProviderClock
from actors.providers.settings import ReplicateSettings
from domain.generation.prediction import Prediction, read_prediction
from events.envelope import format_time
from store.leases.pauses import MemoryPauses, Pauses
from store.tracing import NO_TRACER, Tracer

log = structlog.get_logger()

_REFUSED: Final = frozenset({401, 403})
_TOKENS: Final = "https://replicate.com/account/api-tokens"
_ACCOUNT_FAULTS = {401: "provider_unauthorized", 402: "provider_payment", 403: "provider_unauthorized"}
_FINAL = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451})
"""Refusals that a repetition meets again; any other one leaves the outcome unknown, as 408 and 499."""
_MAX_PAGES = 100


class ReplicateProvider:
    """The provider port on Replicate's HTTP API, or on a server that speaks it."""

    name = "replicate"
    read_prediction = staticmethod(read_prediction)

    def __init__(
        self,
        replicate_settings: ReplicateSettings,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = _monotonic,
        pauses: Pauses | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        settings = self._settings = replicate_settings
        self._clock = clock
        shared = pauses or MemoryPauses(monotonic)
        self._circuit = Circuit(name=self.name, pauses=shared, clock=clock, monotonic=monotonic)
        self.time = ProviderClock(clock, monotonic)
        self.create_seconds = settings.create_seconds
        self._client = Client(
            api_token=settings.replicate_api_token.get_secret_value(),
            base_url=settings.replicate_base_url,
            event_hooks={"response": [capture]},
        )
        self.token_accepted: bool | None = None
        self._creation = Creation(settings)
        self._outputs = Outputs(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def paused_until(self) -> datetime | None:
        return await self._circuit.open_until(at_most=READ_EVERY / 2)  # still young when a call follows

    async def check_token(self) -> None:
        answer = await self._ask(self._client.accounts.async_current)
        if answer.status != 200 and answer.status not in _REFUSED:
            raise ProviderUnavailableError(f"account answered {answer.status}")

    async def create(self, model_input: Mapping[str, Any], *, webhook: str | None) -> Created | Refused | Unknown:
        try:
            async with asyncio.timeout(self.create_seconds):
                if (open_until := await self._circuit.open_until()) is not None:
                    return Refused(self._circuit.reason, open_until)
                with self._tracer.span("create prediction", "client") as span:
                    answer = await self._creation.post(self._request(model_input, webhook))
                    span.note({"http.response.status_code": answer.status})
        except aiohttp.ClientConnectorError as error:
            # Nothing was sent, so nothing was made. The delay grows with each failure.
            log.warning("provider_unreachable", error=type(error).__name__)
            return Refused("provider_unreachable", self._circuit.unreachable("provider_unreachable"))
        except (aiohttp.ClientError, OSError) as error:  # a kept connection that was dropped among them
            return Unknown(type(error).__name__)
        return await self._verdict(answer)

    async def get(self, prediction: str) -> Prediction | None:
        answer = await self._ask(lambda: self._client.predictions.async_get(prediction))
        if answer.status == 404:
            return None
        return _prediction(answer)

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        bounds = {"created_after": moment, "created_before": until}
        query = {name: format_time(bound) for name, bound in bounds.items() if bound is not None}
        cursor = f"/v1/predictions?{urlencode(query)}"
        found: list[Prediction] = []
        for _ in range(_MAX_PAGES):
            listed, following = await self._page(cursor)
            found += listed
            if following is None or _older(found, moment):
                return found
            cursor = following
        # A truncated list says nothing about predictions that it does not contain.
        raise ListTooLongError(f"more than {_MAX_PAGES} pages of predictions")

    async def cancel(self, prediction: str) -> None:
        answer = await self._ask(lambda: self._client.predictions.async_cancel(prediction))
        if answer.status >= 500 or answer.status == 429:
            raise ProviderUnavailableError(f"cancel answered {answer.status}")

    async def webhook_secret(self) -> str:
        answer = await self._ask(self._client.webhooks.default.async_secret)
        key = answer.body.get("key") if isinstance(answer.body, dict) else None
        if not isinstance(key, str):
            raise ProviderUnavailableError(f"webhook secret answered {answer.status}")
        return key

    async def download(self, url: str) -> bytes:
        with self._tracer.span("download output", "client"):
            return await self._outputs.download(url)

    async def close(self) -> None:
        """Close the connections."""
        await self._creation.close()
        await self._outputs.close()

    def _request(self, model_input: Mapping[str, Any], webhook: str | None) -> dict[str, Any]:
        # Not "start": the answer to this request says the same, and arrives at the same moment.
        callback = {"webhook": webhook, "webhook_events_filter": ["logs", "completed"]} if webhook else {}
        return {"version": self._settings.replicate_version, "input": model_input, **callback}

    async def _page(self, cursor: str) -> tuple[list[Prediction], str | None]:
        """Read a page of a list, and where the next one is; it holds the input of each prediction: megabytes."""
        answer = await self._ask(partial(self._list, cursor))
        page = answer.body if isinstance(answer.body, dict) else {}
        if answer.status != 200 or not isinstance(page.get("results"), list):
            raise ProviderUnavailableError(f"list answered {answer.status}")
        return [item for item in map(read_prediction, page["results"]) if item is not None], _next_path(page)

    async def _list(self, cursor: str) -> object:
        return await self._client.predictions.async_list(cursor=cursor)

    async def _ask(self, operation: Callable[[], Awaitable[object]]) -> Response:
        """Run one call of the client and return what was captured. Raises ProviderUnavailableError."""
        responses: list[httpx.Response] = []
        token = captured.set(responses)
        try:
            with self._tracer.span("ask provider", "client"):
                async with asyncio.timeout(self._settings.read_seconds):
                    await operation()
        except Exception as error:
            # A whole response counts, whatever the client makes of it.
            if not responses:
                raise ProviderUnavailableError(type(error).__name__) from error
        finally:
            captured.reset(token)
        last = responses[-1]
        self.time.learn(last.headers.get("date"))
        self._note_token(last.status_code)
        return Response(last.status_code, last.headers, parsed(last.content))

    def _note_token(self, status: int) -> None:
        """Remember what a status says about the token, and tell the log when that changes."""
        accepted = False if status in _REFUSED else True if status < 300 or status == 402 else self.token_accepted
        if accepted is False and self.token_accepted is not False:
            action = f"make another token ({_TOKENS}), set REPLICATE_API_TOKEN and restart this process"
            log.error("provider_token_refused", status=status, action=action)
        elif accepted and self.token_accepted is False:
            log.info("provider_token_accepted")
        self.token_accepted = accepted

    async def _verdict(self, answer: Response) -> Created | Refused | Unknown:
        self._circuit.reached()
        self._note_token(answer.status)
        self.time.learn(answer.headers.get("date"))
        prediction = read_prediction(answer.body)
        if answer.status in (200, 201, 202):
            return Created(prediction) if prediction else Unknown("unreadable answer")
        if answer.status in _ACCOUNT_FAULTS:
            code = _ACCOUNT_FAULTS[answer.status]
            log.error("provider_account_refused", status=answer.status)
            return Refused(code, await self._circuit.pause_account(code, seconds=self._settings.circuit_seconds))
        if answer.status == 429:
            until = await self._circuit.pause_account("provider_throttled", seconds=_wait(answer))
            return Refused("provider_throttled", until) if isinstance(answer.body, dict) else Unknown("status 429")
        if answer.status in _FINAL and isinstance(answer.body, dict):
            return Refused(f"provider_{answer.status}", None)
        return Unknown(f"status {answer.status}")


def _prediction(answer: Response) -> Prediction:
    prediction = read_prediction(answer.body) if answer.status == 200 else None
    if prediction is None:
        raise ProviderUnavailableError(f"prediction answered {answer.status}")
    return prediction


def _wait(answer: Response) -> float:
    """Read how long a throttled caller should wait: body, then header, a second to ten minutes."""
    body = answer.body if isinstance(answer.body, dict) else {}
    values: tuple[Any, ...] = (body.get("retry_after"), answer.headers.get("retry-after"))
    for value in values:
        try:
            return min(600.0, max(1.0, float(value)))
        except (TypeError, ValueError):
            continue
    return 10.0


def _next_path(page: Mapping[str, Any]) -> str | None:
    """Return the path of the following page, None at the end: the token goes to no other host.

    Raises ProviderUnavailableError for anything else, because what may follow is unknown.
    """
    if (url := page.get("next")) is None:
        return None
    try:
        path = httpx.URL(url).raw_path.decode()
    except (TypeError, ValueError, httpx.InvalidURL) as error:
        raise ProviderUnavailableError("malformed address of the next page") from error
    if not path.startswith("/v1/predictions"):
        raise ProviderUnavailableError("unexpected address of the next page")
    return path


def _older(found: Sequence[Prediction], moment: datetime) -> bool:
    last = found[-1].created_at if found else None
    return last is not None and last < moment
