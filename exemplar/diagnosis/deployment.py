"""The system that a diagnosis is about: an `exemplar up`, or the services of the environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from exemplar.environment import read, read_some
from exemplar.local.home import home_of
from exemplar.local.hooks import Demo
from exemplar.local.options import HomeSettings
from exemplar.local.running import read_demo, runs
from gateway.settings import GatewaySettings
from rabbitmq.settings import RabbitSettings

Kind = Literal["running", "stopped", "services", "none"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A system; `kind`: an `exemplar up` that runs or is stopped, services of the environment, or none yet.

    url: the address of the gateway; None where no gateway can answer.
    """

    kind: Kind
    home: Path
    url: str | None = None
    demo: Demo | None = None

    @property
    def rabbit_settings(self) -> RabbitSettings:
        """The connection to RabbitMQ; an empty address where messages stay in one process."""
        if self.demo is None:
            return read(RabbitSettings)
        return read(RabbitSettings, amqp_url=self.demo["amqp_url"] or "")

    @property
    def sandbox(self) -> bool:
        """Whether a system that runs uses its sandbox instead of the provider."""
        return self.demo is not None and bool(self.demo.get("sandbox_url"))

    @property
    def name(self) -> str:
        """What it is, for people."""
        match self.kind:
            case "running" | "stopped":
                return f"`exemplar up` in {self.home}, {self.kind}"
            case "services":
                return "the services of EXEMPLAR_MONGODB_URL"
            case "none":
                return f"nothing yet in {self.home}"


def find_deployment(home: Path | None) -> Deployment:
    """Choose the system as commands on the store do; ConfigurationError for a named folder that is none."""
    usual = read(HomeSettings).home
    found = home_of(home)
    if found is not None and runs(found):
        demo = read_demo(found)
        return Deployment("running", found, demo["base_url"], demo)
    if found is not None:
        return Deployment("stopped", found)
    if os.environ.get("EXEMPLAR_MONGODB_URL"):
        return Deployment("services", usual, _gateway_url())
    return Deployment("none", usual)


def _gateway_url() -> str:
    settings = read_some(GatewaySettings, "host", "port", "public_url")
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.port}"
