"""`exemplar list`: the newest generations."""

import json
from itertools import islice
from typing import Annotated

import typer

from exemplar.client_commands.connection import find_connection, open_client
from exemplar.client_commands.options import Home, ProfileName
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json, print_table
from exemplar_client import Generation, Status

_HEAD = ("id", "status", "created", "seconds", "prompt")
_WIDTH = 60


def list_generations(
    status: Annotated[Status | None, typer.Option(help="Only those of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List your generations, the newest first."""
    filters = {} if status is None else {"status": status}
    with open_client(find_connection(home, profile)) as client:
        found = list(islice(client.all(**filters), limit))
    if as_json:
        print_json(found)
    else:
        print_table(_HEAD, [row_of(generation) for generation in found])


def row_of(generation: Generation) -> tuple[object, ...]:
    """Choose what a line shows of a generation."""
    created = f"{generation['created_at'][:16].replace('T', ' ')}"
    return generation["id"], generation["status"], created, _seconds(generation), prompt_of(generation)


def prompt_of(generation: Generation) -> str:
    """Shorten the prompt to one line; the instructions are empty after an erasure."""
    try:
        prompt = str(json.loads(generation["instructions"])["prompt"])
    except (ValueError, KeyError, TypeError):
        return ""
    line = " ".join(prompt.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def _seconds(generation: Generation) -> str | None:
    total = generation["timings"]["total_seconds"]
    return None if total is None else f"{total:.1f}"
