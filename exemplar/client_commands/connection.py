"""Which service a command calls, and for whom."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exemplar.client_commands.client_failure import failure_of
from exemplar.client_commands.profiles import DEFAULT, read_profiles, unknown
from exemplar.environment import ConfigurationError, read
from exemplar.local.hooks import Demo
from exemplar.local.options import HomeSettings
from exemplar.local.running import read_demo, runs
from exemplar.mcp.settings import McpSettings
from exemplar_client import AccessKey, Client, ClientError, Credentials, Retries

FIRST: Final = Retries(attempts=3, first=0.3, longest=2.0)
"""A service that does not answer at once is told within seconds."""
LASTING: Final = Retries(attempts=1000, first=0.3, longest=5.0)
"""While something is followed, a restart of the service is waited for."""
_LONG_PAUSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Connection:
    """A service and the credentials of an end user there; `name` says where they come from.

    home: the folder of the `exemplar up` that runs it, with what it has written about itself (`demo`).
    """

    url: str
    credentials: Credentials
    name: str
    home: Path | None = None
    demo: Demo | None = None


def find_connection(home: Path | None, profile: str | None) -> Connection:
    """Choose the service; ConfigurationError, with what to type, where there is none.

    In this order: the profile or the home that is named, EXEMPLAR_ACCESS_KEY, an `exemplar up` that runs in the usual
    home, the default profile.
    """
    if home is not None and profile is not None:
        raise ConfigurationError("--home and --profile name two services: leave one out")
    if profile is not None:
        return _of_profile(profile)
    if home is not None:
        return _of_home(home)
    settings = read(McpSettings)
    if settings.access_key is not None:
        key = AccessKey(settings.access_key.get_secret_value())
        return Connection(settings.url.rstrip("/"), key, "EXEMPLAR_ACCESS_KEY")
    usual = read(HomeSettings).home
    if runs(usual):
        return _of_home(usual)
    if DEFAULT in read_profiles():
        return _of_profile(DEFAULT)
    raise ConfigurationError(
        f"no service: none runs in {usual}. `make run` (`exemplar up`) starts one here; "
        "`exemplar login` saves the address and the key of another"
    )


@contextmanager
def open_client(connection: Connection) -> Iterator[Client]:
    """Open the client, say whom it acts for, and turn its errors into those of commands."""
    sys.stderr.write(f"{connection.url} ({connection.name})\n")
    with Client(connection.url, connection.credentials, retries=FIRST, sleep=_pause) as client:
        try:
            yield client
        except ClientError as error:
            raise failure_of(error, connection.url) from error


def _of_profile(name: str) -> Connection:
    found = read_profiles().get(name)
    if found is None:
        raise ConfigurationError(unknown(name))
    return Connection(found.url, found.credentials, f"profile {name}")


def _of_home(home: Path) -> Connection:
    demo = read_demo(home)
    if not runs(home):
        raise ConfigurationError(f"nothing runs in {home}: start it with `make run` (`exemplar up`)")
    return Connection(demo["base_url"], AccessKey(demo["access_key"]), f"{demo['email']} in {home}", home, demo)


def _pause(seconds: float) -> None:
    """Sleep before another attempt, and say so when it takes long."""
    if seconds >= _LONG_PAUSE_S:
        sys.stderr.write(f"trying again in {seconds:.0f} s\n")
    time.sleep(seconds)
