"""A provider that loses, repeats and lies, and remembers every creation that it was paid for."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from actors.providers.provider import Created, OutputGoneError, ProviderUnavailableError, Refused, Unknown
from actors.providers.provider_clock import ProviderClock
from domain.generation.callback import Callback, callback_of_url
from domain.generation.prediction import Prediction
from tests.simulation.links import Network
from tests.simulation.loop import SimulationLoop

CALLBACK_KEY = b"c" * 32
CREATE_SECONDS = 5.0
OnCallback = Callable[[Callback, Prediction], None]


@dataclass
class Made:
    """A prediction at the provider; `vanished`: it denies to know it any more."""

    callback: Callback
    prediction: Prediction
    listed_from: float
    vanished: bool = False


@dataclass
class ProviderServer:
    """What all processes share: the predictions, by a clock of their own.

    `on_callback` hears of each, perhaps late, twice or never.
    """

    loop: SimulationLoop
    chance: random.Random
    network: Network
    now: Callable[[], datetime]
    on_callback: OnCallback
    made: dict[str, Made] = field(default_factory=dict)

    def create(self, model_input: Mapping[str, Any], webhook: str) -> Prediction:
        callback = callback_of_url(webhook, [CALLBACK_KEY])
        assert callback is not None
        name = f"p{len(self.made) + 1}"
        echoed = None if self.network.strikes(0.2) else webhook
        prediction = Prediction(
            name, "starting", None, model="sdxl", created_at=self.now(), webhook=echoed, input=dict(model_input)
        )
        delay = self.chance.uniform(0, 10) if self.network.strikes(0.5) else 0.0
        self.made[name] = Made(callback, prediction, self.loop.time() + delay, self.network.strikes(0.02))
        self.loop.outside(self.chance.uniform(0, 2), lambda: self._call_back(name))
        self.loop.outside(self.chance.uniform(1, 20), lambda: self._end(name, self._outcome()))
        return prediction

    def end(self, name: str) -> None:
        """Cancel a prediction that runs."""
        self._end(name, "canceled")

    def _outcome(self) -> str:
        return "failed" if self.network.strikes(0.1) else "succeeded"

    def _end(self, name: str, outcome: Any) -> None:
        made = self.made[name]
        if made.prediction.outcome is None:
            outputs = (f"https://provider.test/{name}",) if outcome == "succeeded" else ()
            made.prediction = replace(
                made.prediction, status=outcome, outcome=outcome, outputs=outputs, predict_seconds=3.0
            )
            self._call_back(name)

    def _call_back(self, name: str) -> None:
        made = self.made[name]
        prediction = made.prediction
        copies = 0 if made.vanished or self.network.strikes(0.3) else 2 if self.network.strikes(0.2) else 1
        for _ in range(copies):
            delay = self.chance.uniform(0, 15 if self.network.strikes(0.3) else 0.1)
            self.loop.outside(delay, lambda: self.on_callback(made.callback, prediction))


@dataclass
class SimulatedProvider:
    """The provider as one process reaches it."""

    server: ProviderServer
    clock: Callable[[], datetime]
    name: str = "simulated"
    create_seconds: float = CREATE_SECONDS

    def __post_init__(self) -> None:
        self.time = ProviderClock(self.clock, self.server.loop.time)

    async def paused_until(self) -> datetime | None:
        return None

    async def create(self, model_input: Mapping[str, Any], *, webhook: str | None) -> Created | Refused | Unknown:
        assert webhook is not None
        server, network = self.server, self.server.network
        await network.travel(2.0)
        if network.strikes(0.08):
            return Refused("429", self.clock() + timedelta(seconds=server.chance.uniform(1, 20)))
        if network.strikes(0.05):
            return Unknown("nothing arrived")
        if network.strikes(0.05):
            late = server.chance.uniform(0, CREATE_SECONDS)
            server.loop.outside(late, lambda: server.create(model_input, webhook))
            return Unknown("it arrives late")
        prediction = server.create(model_input, webhook)
        await network.travel(2.0)
        if network.strikes(0.15):
            return Unknown("the answer was lost")
        self._learn()
        return Created(prediction)

    async def get(self, prediction: str) -> Prediction | None:
        await self._travel()
        made = self.server.made.get(prediction)
        if made is None or made.vanished or self.server.network.strikes(0.03):
            return None
        return made.prediction

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        await self._travel()
        now = self.server.loop.time()
        shown = [one.prediction for one in self.server.made.values() if not one.vanished and one.listed_from <= now]
        latest = until or datetime.max.replace(tzinfo=UTC)
        return [one for one in reversed(shown) if one.created_at is not None and moment <= one.created_at <= latest]

    async def cancel(self, prediction: str) -> None:
        await self._travel()
        if prediction in self.server.made:
            self.server.end(prediction)

    async def download(self, url: str) -> bytes:
        await self._travel()
        if self.server.network.strikes(0.03):
            raise OutputGoneError(url)
        return url.encode()

    async def _travel(self) -> None:
        await self.server.network.travel(2.0)
        if self.server.network.strikes(0.1):
            raise ProviderUnavailableError("the line is down")
        self._learn()

    def _learn(self) -> None:
        self.time.learn(format_datetime(self.server.now(), usegmt=True))
