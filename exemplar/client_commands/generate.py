"""`exemplar generate`: submit pictures with a prompt, show the progress, save the picture."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from exemplar.client_commands.connection import find_connection, open_client
from exemplar.client_commands.following import follow, require_completed
from exemplar.client_commands.options import LONGEST, Home, Output, ProfileName, Timeout
from exemplar.client_commands.saving import require_folder, save
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json
from exemplar.environment import ConfigurationError
from exemplar_client import Accepted, Client

_MOST = 5


def generate(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="1 to 5 files: JPEG, PNG or WebP.")],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What to make of them.")],
    *,
    style: Annotated[str | None, typer.Option(help="Style, for example watercolour.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another key of the instructions.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch/--no-wait", help="Wait and save the picture, or print the id.")
    ] = True,
    output: Output = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="With the same key, a repeated command makes no second picture.")
    ] = None,
    timeout: Timeout = LONGEST,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Make a picture by example, and save it."""
    contents, target = read_pictures(pictures), output or Path()
    instructions = instructions_of(prompt, style, values or [])
    require_folder(target)
    with open_client(find_connection(home, profile)) as client:
        accepted = client.submit(contents, instructions, idempotency_key=idempotency_key)
        sys.stderr.write(_said(accepted))
        if watch:
            finish(client, accepted.id, target, timeout=timeout, as_json=as_json)
        elif as_json:
            print_json({"id": accepted.id, "replayed": accepted.replayed, "urls": accepted.urls})
        else:
            sys.stdout.write(f"{accepted.id}\n")


def finish(client: Client, generation_id: str, output: Path | None, *, timeout: float, as_json: bool) -> None:
    """Follow a generation, save its pictures if there is an output, print files or the resource."""
    from exemplar.client_commands.progress_display import progress_display  # noqa: PLC0415 - rich loads slowly

    try:
        with progress_display() as display:
            generation = follow(client, generation_id, display, timeout=timeout)
    except KeyboardInterrupt:
        sys.stderr.write(f"\nthe generation goes on: exemplar watch {generation_id}\n")
        raise
    files = save(client, generation, output) if output is not None and generation["status"] == "completed" else []
    if as_json:
        print_json({**generation, "files": [str(file) for file in files]})
    require_completed(generation)
    if not as_json:
        sys.stdout.write("".join(f"{file}\n" for file in files) or f"{generation['status']}\n")


def read_pictures(files: Sequence[Path]) -> list[bytes]:
    """Read the files; ConfigurationError for too many, and for one that cannot be read."""
    if len(files) > _MOST:
        raise ConfigurationError(f"{len(files)} pictures: send at most {_MOST}")
    return [_read(file) for file in files]


def instructions_of(prompt: str, style: str | None, values: Sequence[str]) -> dict[str, Any]:
    """Join prompt, style and further keys; values that are JSON are taken as such, others as text."""
    instructions: dict[str, Any] = {"prompt": prompt, **({} if style is None else {"style": style})}
    for given in values:
        key, found, text = given.partition("=")
        if not found or not key:
            raise ConfigurationError(f"--set {given}: write KEY=VALUE, for example --set negative_prompt=blurry")
        instructions[key] = _value(text)
    return instructions


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _said(accepted: Accepted) -> str:
    state = "known by its key" if accepted.replayed else "accepted"
    return f"{accepted.id} {state} (Idempotency-Key {accepted.idempotency_key})\n"
