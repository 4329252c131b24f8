"""`exemplar open`: the console, or the API page, in the browser, signed in."""

import sys
import webbrowser
from typing import Annotated

import typer

from domain.paths import CONSOLE, DOCS
from exemplar.client_commands.connection import Connection, find_connection
from exemplar.client_commands.options import Home, ProfileName
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json
from exemplar.local.sign_in_link import GOOD_FOR, make_docs_link, make_sign_in_link


def open_console(
    docs: Annotated[bool, typer.Option("--docs", help="Open the API page instead of the console.")] = False,
    only_print: Annotated[bool, typer.Option("--print", help="Print the link, and open no browser.")] = False,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Open the console in the browser; of an `exemplar up` by a link that signs in once, within ten minutes."""
    url = link_of(find_connection(home, profile), docs=docs)
    opened = not only_print and not as_json and webbrowser.open(url)
    if as_json:
        print_json({"url": url, "valid_seconds": GOOD_FOR.total_seconds() if "#link=" in url else None})
        return
    if not opened and not only_print:
        sys.stderr.write("no browser could be started: open this link\n")
    sys.stdout.write(f"{url}\n")


def link_of(connection: Connection, *, docs: bool = False) -> str:
    """Make a new sign-in link where the service runs in a home; elsewhere the page asks who signs in."""
    if connection.home is None or connection.demo is None:
        return f"{connection.url}{DOCS if docs else f'{CONSOLE}/'}"
    return (make_docs_link if docs else make_sign_in_link)(connection.home, connection.demo)
