"""What the runbook tells to type and to look for exists."""

import re
import subprocess

import pytest
from typer.testing import CliRunner

from domain.errors import ErrorCode
from exemplar.cli import app
from tests.docs.reading import ROOT

PAGE = (ROOT / "docs/operations.md").read_text()
RUNBOOK = " ".join(PAGE.partition("\n## Alerts\n")[2].split())
COMMANDS = sorted({found for found in re.findall(r"`(exemplar [a-z][^`]*)`", RUNBOOK) if "..." not in found})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_takes_what_it_is_given(line: str) -> None:
    _, *arguments = line.split()
    done = CliRunner().invoke(app, [*arguments, "--help"])
    assert done.exit_code == 0, done.output


def test_every_named_line_of_the_logs_is_written_somewhere() -> None:
    named = set(re.findall(r"(?:has|by) `([a-z]+_[a-z_]+)`", RUNBOOK))
    assert "job_failed" in named
    for event in named - set(ErrorCode):
        found = subprocess.run(["git", "grep", "-q", f'"{event}"', "--", "*.py"], cwd=ROOT, check=False)
        assert found.returncode == 0, f"nothing logs {event}"
