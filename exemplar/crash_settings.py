"""Arm the crash point that the environment names; tests do so. It is no setting for operators."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings

from exemplar.environment import ConfigurationError, read
from exemplar.local.options import LOOPBACK_HOSTS
from store.crash_points import POINTS, crash_point
from store.settings import EnvironmentSettings

VARIABLE = "EXEMPLAR_CRASH_POINT"

log = structlog.get_logger()


class CrashSettings(EnvironmentSettings):
    """`role:point`, or `role:point:n` to die when it is reached for the n-th time."""

    crash_point: str | None = Field(None, pattern=r"^[a-z]+:[a-z_]+(:[1-9]\d{0,5})?$")


class _Address(NamedTuple):
    """A setting that names a host; a process with such a host elsewhere serves others or pays."""

    settings: str
    field: str


_ADDRESSES = (
    _Address("actor_settings", "public_url"),
    _Address("gateway_settings", "host"),
    _Address("replicate_settings", "replicate_base_url"),
)


def arm_crash_point(settings: Mapping[str, BaseSettings]) -> None:
    """Arm what the environment names, if anything.

    Raises ConfigurationError for an unknown point, and unless provider, public URL and gateway are on this machine.
    """
    chosen = read(CrashSettings).crash_point
    if chosen is None:
        return
    role, point, *rest = chosen.split(":")
    if point not in POINTS.get(role, ()):
        raise ConfigurationError(f"{VARIABLE} {role}:{point} is no point; {role} has {', '.join(POINTS.get(role, ()))}")
    if "replicate_settings" not in settings or not all(_is_here(settings, address) for address in _ADDRESSES):
        raise ConfigurationError(
            f"{VARIABLE} is for tests: it is refused with a public URL or a provider's token of another machine"
        )
    crash_point.arm(role, point, after=int(*rest or ("1",)) - 1)
    log.warning("crash_point_armed", role=role, point=point)


def _is_here(settings: Mapping[str, BaseSettings], address: _Address) -> bool:
    """Tell whether a setting is missing or names a host of this machine."""
    value = getattr(settings.get(address.settings), address.field, None)
    return not value or str(value) in LOOPBACK_HOSTS or urlsplit(str(value)).hostname in LOOPBACK_HOSTS
