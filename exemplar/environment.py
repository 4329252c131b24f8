"""Read settings from the environment; report an invalid one in one line."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError, create_model
from pydantic_settings import BaseSettings, SettingsError

from exemplar.injection import snake_case

Settings = TypeVar("Settings", bound=BaseSettings)


class ConfigurationError(Exception):
    """The environment or this machine does not allow a start; the message says what to do, in one line."""

    holds_no_data = True


def read(settings: type[Settings], **given: Any) -> Settings:
    """Read settings from the environment, but for what is given; raise ConfigurationError for the first wrong one."""
    try:
        return settings(**given)
    except SettingsError as error:
        field = str(error).partition('"')[2].partition('"')[0]
        prefix = settings.model_config.get("env_prefix", "")
        raise ConfigurationError(f"{prefix}{field} is not valid JSON".replace(field, field.upper())) from None
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]) if fault["loc"] else settings.__name__
        variable = name if name.isupper() else f"{settings.model_config.get('env_prefix', '')}{name}".upper()
        reason = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{variable} {reason}{_action(settings, name)}") from None


def _action(settings: type[BaseSettings], name: str) -> str:
    """Say what to do about a setting, if it knows."""
    field = settings.model_fields.get(name)
    extra = field.json_schema_extra if field is not None else None
    return f": {extra['action']}" if isinstance(extra, dict) and "action" in extra else ""


def read_some(settings: type[BaseSettings], *names: str) -> Any:
    """Read some fields of settings from the environment, where the others may not be set; as `read`."""
    known = {name: settings.model_fields[name] for name in names}
    chosen: dict[str, Any] = {name: (field.annotation, field) for name, field in known.items()}
    return read(create_model(settings.__name__, __base__=settings.__bases__[0], **chosen))


def read_all(settings: Iterable[type[BaseSettings]]) -> dict[str, BaseSettings]:
    """Read settings by the names of their dependencies, `StoreSettings` as `store_settings`.

    Raises ConfigurationError for the first wrong one.
    """
    return {snake_case(kind.__name__): read(kind) for kind in settings}
