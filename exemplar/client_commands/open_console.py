"""`exemplar open`: the console in the browser, signed in."""

import sys
import webbrowser
from typing import Annotated

import typer

from exemplar.client_commands.connection import Connection, find_connection
from exemplar.client_commands.options import Home, ProfileName
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json
from exemplar.local.sign_in_link import GOOD_FOR, make_sign_in_link


def open_console(
    only_print: Annotated[bool, typer.Option("--print", help="Print the link, and open no browser.")] = False,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Open the console in the browser; of an `exemplar up` by a link that signs in once, within ten minutes."""
    url = link_of(find_connection(home, profile))
    opened = not only_print and not as_json and webbrowser.open(url)
    if as_json:
        print_json({"url": url, "valid_seconds": GOOD_FOR.total_seconds() if "#link=" in url else None})
        return
    if not opened and not only_print:
        sys.stderr.write("no browser could be started: open this link\n")
    sys.stdout.write(f"{url}\n")


def link_of(connection: Connection) -> str:
    """Make a new sign-in link where the service runs in a home; elsewhere the console asks who signs in."""
    if connection.home is None or connection.demo is None:
        return f"{connection.url}/console/"
    return make_sign_in_link(connection.home, connection.demo)
