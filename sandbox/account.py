"""The account whose API the sandbox speaks: its predictions, files, limits and armed faults."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.archive import Archive
from sandbox.faults import ArmedFaults, Faults
from sandbox.files import Files
from sandbox.ids import prediction_id
from sandbox.prediction_record import PredictionRecord
from sandbox.predictions import Prediction
from sandbox.renderer import Renderer
from sandbox.request_record import RequestRecord
from sandbox.runner import Runner
from sandbox.settings import SandboxSettings
from sandbox.webhooks import Sender, secret_for


class Account:
    """Holds the state of one sandbox; predictions survive a restart where there is a folder."""

    def __init__(
        self,
        settings: SandboxSettings,
        *,
        session: aiohttp.ClientSession,
        clock: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.armed = ArmedFaults()
        self.trapped = 0
        self.huge_bytes = 0
        self.requests = RequestRecord()
        self.secret = secret_for(settings.token)
        self.files = Files(clock=clock, rng=rng)
        self._archive = Archive(settings.folder)
        self.record = PredictionRecord(
            self._archive,
            clock=clock,
            keep=timedelta(seconds=settings.keep_seconds),
            budget=settings.keep_mib * 1024 * 1024,
            weigh_pictures=settings.picture == "made",
        )
        self.renderer = Renderer(self.files, picture=settings.picture)
        self.sender = Sender(session=session, secret=self.secret, clock=clock, rng=rng)
        self.runner = Runner(
            boot_seconds=settings.boot_seconds,
            clock=clock,
            record=self.record,
            renderer=self.renderer,
            sender=self.sender,
        )
        self._rng = rng
        self._created = 0

    def create(
        self,
        body: Mapping[str, Any],
        *,
        version: str,
        base: str,
        faults: Faults,
        cancel_after: timedelta | None,
    ) -> Prediction:
        """Create a prediction from a valid body and start it."""
        now, given = self.clock(), body["input"]
        self._created += 1
        events = body.get("webhook_events_filter")
        seconds = self.settings.predict_seconds if faults.latency_s is None else faults.latency_s
        prediction = Prediction(
            id=prediction_id(self._rng),
            number=self._created,
            version=version,
            input=given,
            seed=int(given["seed"]) if "seed" in given else self._rng.randrange(2**16),
            seconds=seconds,
            base=base,
            created_at=now,
            webhook=body.get("webhook"),
            events=None if events is None else frozenset(events),
            deadline=None if cancel_after is None else now + cancel_after,
            faults=faults,
        )
        self.record.add(prediction)
        self.runner.start(prediction)
        return prediction

    async def open(self) -> None:
        await self.renderer.open()
        self._archive.open()
        running = self.record.restore()
        self._created = self.record.last_number
        for prediction in running:
            self.runner.start(prediction)

    async def close(self) -> None:
        await self.runner.close()
        await self.sender.close()
        self.renderer.close()
        self._archive.close()


ACCOUNT: Final = web.AppKey("account", Account)


def base_of(request: web.Request) -> str:
    """Return the base of absolute links: the public URL when there is one, else the host of the request."""
    public = request.app[ACCOUNT].settings.public_url
    return public.rstrip("/") if public else f"{request.scheme}://{request.host}"
