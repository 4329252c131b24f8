"""docs/command-line.md: its commands work as printed, its tables are complete."""

import re
import shlex
import shutil
from pathlib import Path

from exemplar.cli import app
from exemplar.client_commands.exit_code import ExitCode
from tests.clients.commands.receiver import receiving
from tests.clients.commands.terminal import Said, Terminal
from tests.docs.reading import ROOT, blocks, columns
from tests.systems.system import System

PAGE = "docs/command-line.md"


def test_the_commands_work_as_printed(terminal: Terminal, folder: Path, solo: System, access_key: str) -> None:
    for sample in (ROOT / "exemplar/demo/samples").glob("*.png"):
        shutil.copy(sample, folder)
    with receiving() as receiver:
        known = {"localhost:3000/hook": receiver.url, '"$BASE"': solo.base_url}
        said = [_run(terminal, line, known, access_key) for line in "".join(blocks(PAGE, "sh")).splitlines()]
    made, first, again, listed, *_ = said
    assert made.out == "harbour.png\n"
    assert again.json["id"] == first.out.strip()
    assert "A quiet harbour" in listed.out
    assert [message["type"] for message in receiver.messages] == ["generation.completed"]


def test_every_command_and_every_exit_code_is_listed() -> None:
    named = [*columns(PAGE, "## For users", 0), *columns(PAGE, "## For operators", 0)]
    listed = re.findall(r"`exemplar ([a-z]+)`", " ".join(cell for [cell] in named))
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert (sorted(listed), len(listed)) == (sorted(commands), len(commands))
    codes = {cell for [cell] in columns(PAGE, "## For scripts", 0)}
    assert codes == {str(int(code)) for code in ExitCode} | {"3", "130"}


def _run(terminal: Terminal, line: str, known: dict[str, str], access_key: str) -> Said:
    for printed, value in known.items():
        line = line.replace(printed, value)
    piped, _, command = line.rpartition(" | ")
    _, name, *arguments = shlex.split(command)
    done = terminal.run(name, *arguments, typed=f"{access_key}\n" if piped else "")
    assert done.code == 0, f"{line}: {done.error}"
    return done
