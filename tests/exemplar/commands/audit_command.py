"""Run `exemplar audit` in this process."""

import asyncio
import base64
import sys
from typing import NamedTuple, Protocol

import pytest
from structlog.testing import capture_logs

from exemplar import cli

SEED = base64.b64encode(bytes(range(32))).decode()


class Result(NamedTuple):
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Run `exemplar audit` with some variables changed, beside the loop of the test."""

    async def __call__(self, *arguments: str, **changed: str) -> Result: ...


@pytest.fixture
def run(mongodb_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def main(*arguments: str, **changed: str) -> Result:
        env = {"EXEMPLAR_MONGODB_URL": mongodb_url, "EXEMPLAR_CHECKPOINT_KEY": SEED, **changed}
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["exemplar", "audit", *arguments])
        with capture_logs(), pytest.raises(SystemExit) as end:  # the process writes them to standard error
            cli.main()
        out, err = capsys.readouterr()
        return Result(int(end.value.code or 0), out, err)

    async def command(*arguments: str, **changed: str) -> Result:
        return await asyncio.to_thread(main, *arguments, **changed)

    return command
