import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Broker = Literal["auto", "rabbitmq", "inprocess"]

PACKAGE = Path(__file__).resolve().parents[1]


class HomeSettings(BaseSettings):
    """Where `exemplar up` keeps its data and listens."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(
        default=Path(".exemplar"),
        description="Folder of `exemplar up` for data, secrets, logs and demo.json.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    host: str = Field(default="127.0.0.1", description="Address on which the gateway listens.")


WEBHOOK_ALLOW = "EXEMPLAR_WEBHOOK_ALLOW"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_SHARED = ("EXEMPLAR_PUBLIC_URL", "EXEMPLAR_TRUSTED_PROXIES", "REPLICATE_API_TOKEN")
"""Who sets one of these serves others."""


def webhook_allow(environ: Mapping[str, str], host: str) -> str:
    """Return the hosts that webhooks may reach besides public ones.

    The setting where there is one, even empty; else this machine while nobody else uses the system: a gateway that
    others reach, directly, through a proxy or a tunnel, must not send their webhooks to local services.
    """
    chosen = environ.get(WEBHOOK_ALLOW)
    if chosen is not None:
        return chosen
    shared = host not in LOOPBACK_HOSTS or any(environ.get(name) for name in _SHARED)
    return "" if shared else "127.0.0.1,localhost"


def bundled_photos() -> tuple[Path, ...]:
    """Return the example photographs that come with the product."""
    folder = PACKAGE / "demo" / "samples"
    return tuple(sorted(path for path in folder.glob("*") if path.suffix in {".jpg", ".jpeg", ".png", ".webp"}))


def bundled_definitions() -> Path | None:
    """Return RabbitMQ's definitions that come with the product, if they are there."""
    path = PACKAGE.parent / "rabbitmq" / "definitions.json"
    return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `exemplar up`.

    `command` is what precedes `gateway`, `worker`, `scheduler`, `solo` and `sandbox`; `environ` is what every
    child inherits; with REPLICATE_API_TOKEN in it there is no sandbox.
    """

    home: Path = Path(".exemplar")
    host: str = "127.0.0.1"
    port: int = 8000
    broker: Broker = "auto"
    once: bool = False
    # -P: a file named exemplar.py in the user's folder must not be imported
    command: tuple[str, ...] = (sys.executable, "-P", "-m", "exemplar")
    photos: tuple[Path, ...] = field(default_factory=bundled_photos)
    definitions: Path | None = field(default_factory=bundled_definitions)
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    ready_within_s: float = 60.0
