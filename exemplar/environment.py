"""Read settings from the environment; a wrong one is told in one line."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from store.audit.settings import CheckpointSettings

Settings = TypeVar("Settings", bound=BaseSettings)


class ConfigurationError(Exception):
    """The environment does not allow a start; the message is one line that names the setting."""


def read(settings: type[Settings]) -> Settings:
    """Read settings from the environment; raise ConfigurationError for the first wrong one."""
    try:
        return settings()
    except SettingsError as error:
        field = str(error).partition('"')[2].partition('"')[0]
        prefix = settings.model_config.get("env_prefix", "")
        raise ConfigurationError(f"{prefix}{field} is not valid JSON".replace(field, field.upper())) from None
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]) if fault["loc"] else settings.__name__
        variable = name if name.isupper() else f"{settings.model_config.get('env_prefix', '')}{name}".upper()
        reason = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{variable} {reason}") from None


def read_all(settings: Mapping[str, type[BaseSettings]]) -> dict[str, BaseSettings]:
    """Read several settings from the environment. Raises ConfigurationError for the first wrong one."""
    return {name: read(kind) for name, kind in settings.items()}


def read_signing() -> CheckpointSettings:
    """Read the keys that sign and verify checkpoints."""
    return read(CheckpointSettings)
