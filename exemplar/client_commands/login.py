"""`exemplar login`: save an address and credentials as a profile."""

import sys
from typing import Annotated, Any

import typer

from exemplar.client_commands.connection import Connection, open_client
from exemplar.client_commands.options import ProfileName
from exemplar.client_commands.profiles import (
    DEFAULT,
    FiveHeaders,
    Profile,
    forget_profile,
    profiles_file,
    save_profile,
)
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json
from exemplar.environment import ConfigurationError

_LOCAL = "http://127.0.0.1:8000"
_KEY_PREFIX = "ek_"


def login(
    url: Annotated[str, typer.Option(help="Address of the service.")] = _LOCAL,
    *,
    email: Annotated[str | None, typer.Option(help="Log in with e-mail and password instead of an access key.")] = None,
    project_id: Annotated[str | None, typer.Option(help="Beside --email: the project.")] = None,
    profile: ProfileName = None,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the profile.")] = False,
    as_json: AsJson = False,
) -> None:
    """Save who you are: an access key, or e-mail, password and the keys of a project.

    Secrets are asked for, or read from standard input, one a line; they are no options, because every program of the
    machine can read those.
    """
    name = profile or DEFAULT
    if forget:
        forget_profile(name)
        _say({"profile": name, "forgotten": True}, f"{name} is forgotten", as_json=as_json)
        return
    entered = _entered(url.rstrip("/"), email, project_id)
    with open_client(Connection(entered.url, entered.credentials, f"profile {name}")) as client:
        account = client.api.read_own_account()
    save_profile(name, entered)
    said = f"saved as {name} in {profiles_file()}: {account['email']} at {entered.url}"
    _say({"profile": name, "url": entered.url, "email": account["email"]}, said, as_json=as_json)


def _entered(url: str, email: str | None, project_id: str | None) -> Profile:
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"--url {url}: an address begins with https:// or http://")
    if (email is None) != (project_id is None):
        raise ConfigurationError("--email and --project-id belong together; an access key needs neither")
    if email is None or project_id is None:
        key = _secret("Access key (ek_...)")
        if not key.startswith(_KEY_PREFIX):
            raise ConfigurationError("an access key begins with ek_; `make run` prints one, a developer makes others")
        return Profile(url=url, access_key=key)
    return Profile(
        url=url,
        five_headers=FiveHeaders(
            email=email,
            project_id=project_id,
            password=_secret("Password"),
            developer_key=_secret("Developer key (ak_...)"),
            api_key=_secret("API key of the project (pk_...)"),
        ),
    )


def _secret(name: str) -> str:
    """Ask for a secret without showing it; without a terminal read a line."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise ConfigurationError(f"{name}: expected on standard input, one secret a line")
    return line


def _say(fields: dict[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
    else:
        sys.stdout.write(f"{line}\n")
