"""Every setting of every room, and the two printed forms of them: `.env.example` and the table in docs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from actors.decoder import DecoderSettings
from actors.replicate_settings import ReplicateSettings
from actors.settings import ActorSettings
from domain.credentials import PasswordSettings
from domain.tiers import TierSettings
from gateway.authentication import AuthenticationSettings
from gateway.settings import GatewaySettings
from gateway.tokens import TokenSettings
from local.options import HomeSettings
from rabbitmq.settings import RabbitSettings
from sandbox.settings import SandboxSettings
from store.settings import StoreSettings

SETTINGS: tuple[type[BaseSettings], ...] = (
    StoreSettings,
    RabbitSettings,
    GatewaySettings,
    TokenSettings,
    AuthenticationSettings,
    PasswordSettings,
    TierSettings,
    ActorSettings,
    DecoderSettings,
    ReplicateSettings,
    HomeSettings,
    SandboxSettings,
)
"""Every class of settings, in the order in which they are printed."""

_HEAD = """\
# All settings of exemplar, read from the environment. `exemplar settings` prints this file.
# `exemplar up` needs none of them; for compose.yaml copy it to .env.
# A line without # has no default and must be set. Secrets: openssl rand -base64 48
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable; `default` is as it would be written there, None when it must be set."""

    name: str
    description: str
    default: str | None


def sections() -> Iterator[tuple[str, tuple[Setting, ...]]]:
    """List every class by the first sentence of its docstring, each variable where it is first named."""
    seen: set[str] = set()
    for settings in SETTINGS:
        found = [_setting(settings, name, field) for name, field in settings.model_fields.items()]
        fresh = tuple(setting for setting in found if setting.name not in seen)
        seen |= {setting.name for setting in fresh}
        yield _title(settings), fresh


def env_example() -> str:
    """Write `.env.example`: what must be set is open, what has a default is commented out."""
    parts = [_HEAD]
    for title, settings in sections():
        parts.append(f"\n# --- {title} ---\n")
        parts += [f"\n# {setting.description}\n{_line(setting)}\n" for setting in settings]
    return "".join(parts)


def markdown() -> str:
    """Write the tables of docs/configuration.md."""
    parts: list[str] = []
    for title, settings in sections():
        parts.append(f"### {title}\n\n| variable | default | meaning |\n|---|---|---|\n")
        parts += [
            f"| `{setting.name}` | {_cell(setting.default)} | {setting.description.rstrip('.')} |\n"
            for setting in settings
        ]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _setting(settings: type[BaseSettings], name: str, field: FieldInfo) -> Setting:
    prefix = settings.model_config.get("env_prefix", "")
    variable = field.alias or f"{prefix}{name}".upper()
    return Setting(variable, field.description or "", _default(field))


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True, validated_data={})
    return "" if value in (None, PydanticUndefined) else _written(value)


def _written(value: Any) -> str:
    """Write a default as the environment would have it."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case tuple() | dict() if not value:
            return ""
        case tuple() | dict() | list():
            return json.dumps(value)
        case _:
            return str(value)


def _title(settings: type[BaseSettings]) -> str:
    return (settings.__doc__ or settings.__name__).strip().splitlines()[0].rstrip(".")


def _line(setting: Setting) -> str:
    return f"{setting.name}=" if setting.default is None else f"#{setting.name}={setting.default}"


def _cell(default: str | None) -> str:
    if default is None:
        return "must be set"
    return f"`{default}`" if default else "empty"
