"""Commands as a user calls them, in this process."""

import json
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.testing import CliRunner

from exemplar import cli
from exemplar.command_errors import explain
from exemplar.lazy_commands import LazyGroup

assert cli.app, "its import adds the commands"


class Said(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Calls commands in an environment of their own."""

    def __init__(self, **environ: str) -> None:
        self.environ: dict[str, str | None] = {"EXEMPLAR_ACCESS_KEY": None, "EXEMPLAR_URL": None, **environ}

    def run(self, name: str, *arguments: str, typed: str = "") -> Said:
        """Call `exemplar NAME ARGUMENTS`; `typed` is standard input. Errors end as they do in `main`."""
        source, alone = LazyGroup.sources[name], typer.Typer(add_completion=False)
        alone.command(name)(getattr(import_module(source.module), source.attribute))
        done = CliRunner().invoke(alone, [*arguments], env=self.environ, input=typed)
        if isinstance(done.exception, Exception):
            message, code = explain(done.exception)
            assert "\n" not in message
            return Said(code, done.stdout, f"{done.stderr}exemplar: {message}\n")
        return Said(done.exit_code, done.stdout, done.stderr)
