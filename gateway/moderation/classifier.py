"""The port of classifiers, and the one that is asked over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import web

from gateway.moderation.settings import ModerationSettings

_LARGEST_ANSWER: Final = 256 * 1024


class ClassifierError(Exception):
    """The classifier gave no answer that can be used; the text says why, without what was asked."""

    holds_no_data = True


class Classifier(Protocol):
    """Judge a prompt."""

    async def flags(self, text: str) -> bool:
        """Tell whether a text is refused; raises ClassifierError."""


class HttpClassifier:
    """Ask with `{"input": text}`; the answer has `flagged`, or `results` of which one has it, as OpenAI's."""

    def __init__(self, settings: ModerationSettings) -> None:
        self._url = str(settings.url)
        self._token = settings.token
        self._timeout = settings.timeout

    async def flags(self, text: str) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                return _flagged(await self._ask(text))
        except TimeoutError:
            raise ClassifierError(f"no answer in {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ClassifierError(type(error).__name__) from None

    def install(self, app: web.Application) -> None:
        """Close the connections with the application."""
        app.cleanup_ctx.append(self._closing)

    async def _ask(self, text: str) -> Any:
        async with self._session.post(self._url, json={"input": text}, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ClassifierError(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise ClassifierError("too long an answer")
            return json.loads(body)

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        token = {} if self._token is None else {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        # The time-out is above: aiohttp's rounds up.
        return aiohttp.ClientSession(headers=token, timeout=aiohttp.ClientTimeout(total=None))

    async def _closing(self, _: web.Application) -> AsyncIterator[None]:
        yield
        if "_session" in vars(self):
            await self._session.close()


def _flagged(answer: Any) -> bool:
    """Read an answer; ValueError for one that does not say `flagged`."""
    results = answer.get("results", [answer]) if isinstance(answer, dict) else []
    found = [one.get("flagged") for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    if not found or not all(isinstance(one, bool) for one in found):
        raise ValueError("no answer of a classifier")
    return any(found)
