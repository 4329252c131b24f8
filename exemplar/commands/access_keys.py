"""`exemplar accounts create-access-key` and `revoke-access-key`: keys that act for one end user."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from domain.accounts.access_keys import Scope, ordered_scopes
from exemplar.commands.grants import read_end
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_fields
from exemplar.commands.store_access import administer
from store.accounts.records import AccessKeyRecord

Developer = Annotated[str, typer.Argument(help="Id or e-mail of the developer.")]
Project = Annotated[str, typer.Argument(help="Id or name of the project.")]
User = Annotated[str, typer.Argument(help="Id or e-mail of the user.")]


def create_access_key(
    developer: Developer,
    project: Project,
    user: User,
    *,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may be used for; may be repeated.")] = None,
    until: Annotated[str | None, typer.Option(help="End: a moment, or a time from now, as 90m, 8h or 7d.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key that acts for an end user, which is printed this once."""
    end = None if until is None else read_end(until).replace(microsecond=0)
    chosen = scope or list(Scope)
    made, key = administer(
        home,
        lambda administration: administration.create_access_key(
            developer, project, user, name=name, scopes=chosen, end=end
        ),
    )
    print_fields({**_fields(made), "key": key}, as_json=as_json)


def revoke_access_key(
    developer: Developer, project: Project, user: User, key: str, *, home: Home = None, as_json: AsJson = False
) -> None:
    """Revoke an access key, named by id or prefix, for the next request on."""
    revoked = administer(home, lambda administration: administration.revoke_access_key(developer, project, user, key))
    print_fields({**_fields(revoked), "active": False}, as_json=as_json)


def _fields(key: AccessKeyRecord) -> dict[str, Any]:
    return {**asdict(key), "scopes": [scope.value for scope in ordered_scopes(key.scopes)]}
