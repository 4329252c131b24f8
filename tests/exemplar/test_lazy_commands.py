"""The list of commands imports none of them, and says of each what it says itself."""

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from exemplar.cli import app
from exemplar.lazy_commands import LazyGroup

SOURCES = LazyGroup.sources
PURPOSES = {command.name: command.help or "" for command in app.registered_commands if command.name in SOURCES}


@pytest.mark.parametrize("name", SOURCES)
def test_the_list_says_what_the_command_says(name: str) -> None:
    found = getattr(import_module(SOURCES[name].module), SOURCES[name].attribute)
    if not isinstance(found, typer.Typer):
        assert (inspect.getdoc(found) or "").startswith(PURPOSES[name].rstrip("."))


def test_a_command_is_called_with_its_own_options() -> None:
    done = CliRunner().invoke(app, ["trigger", "--help"])
    assert (done.exit_code, "--forward-to" in done.output) == (0, True)
    wrong = CliRunner().invoke(app, ["trigger"])
    assert (wrong.exit_code, "Missing argument 'EVENT'" in wrong.output) == (2, True)
    group = CliRunner().invoke(app, ["audit", "verify", "--help"])
    assert (group.exit_code, "--home" in group.output) == (0, True)


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"exemplar {version('exemplar')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("exemplar trig", "trigger"),
        ("exemplar trigger generation.c", "generation.completed"),
        ("exemplar audit ver", "verify"),
    ],
)
def test_a_shell_completes_commands_and_events(typed: str, offered: str) -> None:
    environ = {"_EXEMPLAR_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = CliRunner().invoke(app, [], env=environ, prog_name="exemplar")
    assert offered in done.output.split()


@pytest.mark.parametrize("modules", ["exemplar.cli", "exemplar.cli, exemplar.local.up, exemplar.demo.hooks"])
def test_the_list_and_the_start_of_servers_load_neither_clients_nor_stores(modules: str) -> None:
    program = (
        f"import sys, {modules}; print([m for m in ('httpx', 'pymongo', 'rich.live', 'store') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
