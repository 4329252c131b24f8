"""`exemplar accounts`: manage accounts; tables for people, `--json` for scripts.

A developer is named by id or e-mail, a project by id or name, a key by id or prefix, a user by id or e-mail.
"""

import secrets
from dataclasses import asdict
from typing import Annotated, Any

import typer

from domain.accounts.access import Role
from exemplar.commands import access_keys, grants
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_fields, print_json, print_table
from exemplar.commands.store_access import administer
from store.accounts.records import KeyRecord

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make, show and change accounts.",
)

app.command("create-access-key")(access_keys.create_access_key)
app.command("revoke-access-key")(access_keys.revoke_access_key)
app.command("grant")(grants.grant_access)
app.command("grants")(grants.list_grants)
app.command("end-grants")(grants.end_grants)

Ask = Annotated[bool, typer.Option("--ask-password", help="Ask for the password; else one is made.")]
Name = Annotated[str | None, typer.Option(help="Full name.")]
Developer = Annotated[str, typer.Argument(help="Id or e-mail of the developer.")]
Project = Annotated[str, typer.Argument(help="Id or name of the project.")]


@app.command("create-operator")
def create_operator(
    email: str,
    *,
    auditor: Annotated[bool, typer.Option("--auditor", help="An auditor, who can only read the log.")] = False,
    name: Name = None,
    ask_password: Ask = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make an operator, or with --auditor an auditor."""
    role = Role.AUDITOR if auditor else Role.PLATFORM_OPERATOR
    password = _password(ask=ask_password)
    made = administer(home, lambda administration: administration.create_staff(email, role, password, name))
    print_fields({**asdict(made), "password": _shown(password, ask=ask_password)}, as_json=as_json)


@app.command("delete-operator")
def delete_operator(name: str, home: Home = None, as_json: AsJson = False) -> None:
    """Delete an operator or auditor, named by id or e-mail."""
    deleted = administer(home, lambda administration: administration.delete_staff(name))
    print_fields({"deleted": deleted.id}, as_json=as_json)


@app.command("create-developer")
def create_developer(
    email: str,
    *,
    tier: Annotated[str, typer.Option(help="Tier of the account.")] = "free_starter",
    name: Name = None,
    ask_password: Ask = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a developer."""
    password = _password(ask=ask_password)
    made = administer(home, lambda administration: administration.create_developer(email, tier, password, name))
    print_fields({**asdict(made), "password": _shown(password, ask=ask_password)}, as_json=as_json)


@app.command("create-project")
def create_project(developer: Developer, name: str, home: Home = None, as_json: AsJson = False) -> None:
    """Make a project of a developer."""
    made = administer(home, lambda administration: administration.create_project(developer, name))
    print_fields(asdict(made), as_json=as_json)


@app.command("create-user")
def create_user(
    developer: Developer,
    project: Project,
    email: str,
    *,
    name: Name = None,
    ask_password: Ask = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make an end user of a project."""
    password = _password(ask=ask_password)
    made = administer(
        home, lambda administration: administration.create_user(developer, project, email, password, name)
    )
    print_fields({**asdict(made), "password": _shown(password, ask=ask_password)}, as_json=as_json)


@app.command("create-key")
def create_key(
    developer: Developer,
    project: Annotated[str | None, typer.Option(help="Of this project; else the developer's own.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, which is printed this once."""
    made, key = administer(home, lambda administration: administration.create_key(developer, project, name))
    print_fields({**_key(made), "key": key}, as_json=as_json)


@app.command("list")
def list_accounts(home: Home = None, as_json: AsJson = False) -> None:
    """List developers, operators and auditors."""
    developers, staff = administer(home, lambda administration: administration.everybody())
    if as_json:
        print_json({"developers": [asdict(one) for one in developers], "staff": [asdict(one) for one in staff]})
        return
    rows = [(one.email, "developer", one.tier, one.id, one.created_at) for one in developers]
    people = [(one.email, one.role.value, "", one.id, one.created_at) for one in staff]
    print_table(("e-mail", "role", "tier", "id", "since"), [*rows, *people])


@app.command()
def show(developer: Developer, home: Home = None, as_json: AsJson = False) -> None:
    """Show a developer with projects, keys and users."""
    found = administer(home, lambda administration: administration.overview(developer))
    if as_json:
        print_json({**asdict(found), "keys": [_key(key) for key in found.keys]})
        return
    print_fields(asdict(found.developer), as_json=False)
    names = {project.id: project.name for project in found.projects}
    print_table(("project", "id", "since"), [(one.name, one.id, one.created_at) for one in found.projects])
    print_table(
        ("key", "of", "active", "last used", "id"),
        [
            (key.prefix, names.get(key.project_id or "", "developer"), key.active, key.last_used_at, key.id)
            for key in found.keys
        ],
    )
    users = [(one.email, names[one.project_id], one.id, one.created_at) for one in found.users]
    print_table((f"user ({found.users_in_all} in all)", "project", "id", "since"), users)


@app.command()
def revoke(developer: Developer, key: str, home: Home = None, as_json: AsJson = False) -> None:
    """Revoke a key, named by id or prefix, for the next request on."""
    revoked = administer(home, lambda administration: administration.revoke(developer, key))
    print_fields({**_key(revoked), "active": False}, as_json=as_json)


@app.command("set-tier")
def set_tier(developer: Developer, tier: str, home: Home = None, as_json: AsJson = False) -> None:
    """Put a developer under another tier for the next request on."""
    print_fields(
        asdict(administer(home, lambda administration: administration.set_tier(developer, tier))), as_json=as_json
    )


@app.command("reset-password")
def reset_password(
    developer: Developer,
    *,
    project: Annotated[str | None, typer.Option(help="Of a user in this project.")] = None,
    user: Annotated[str | None, typer.Option(help="Id or e-mail of the user.")] = None,
    ask_password: Ask = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Set another password of a developer, or with --project and --user of an end user; sessions end."""
    if (project is None) != (user is None):
        raise typer.BadParameter("--project and --user go together")
    password = _password(ask=ask_password)
    administer(home, lambda administration: administration.reset_password(developer, project, user, password))
    print_fields({"password": _shown(password, ask=ask_password)}, as_json=as_json)


@app.command("delete-user")
def delete_user(
    developer: Developer,
    project: Project,
    user: Annotated[str, typer.Argument(help="Id or e-mail of the user.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Delete an end user; all data are erased within minutes."""
    deleted = administer(home, lambda administration: administration.delete_user(developer, project, user))
    print_fields({"deleted": deleted.id}, as_json=as_json)


@app.command()
def history(developer: Developer, home: Home = None, as_json: AsJson = False) -> None:
    """Show every change of a developer, from the log."""
    events = administer(home, lambda administration: administration.history(developer))
    if as_json:
        print_json(events)
        return
    rows = [
        (
            event["version"],
            event["time"],
            event["type"],
            " ".join(f"{k}={v}" for k, v in event["data"].items()),
            event["actor"],
        )
        for event in events
    ]
    print_table(("version", "time", "event", "what", "by"), rows)


def _password(*, ask: bool) -> str:
    if not ask:
        return secrets.token_urlsafe(12)
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _shown(password: str, *, ask: bool) -> str | None:
    """Return a generated password, which is shown once; None for one that was typed."""
    return None if ask else password


def _key(key: KeyRecord) -> dict[str, Any]:
    return {**asdict(key), "of": "developer" if key.project_id is None else "project"}
