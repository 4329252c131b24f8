import json
from typing import Any

from structlog.testing import capture_logs
from typer.testing import CliRunner

from exemplar.commands.accounts import app
from exemplar.environment import ConfigurationError

PEPPER = "p" * 32


class Shell:
    """Calls the command with a store in its environment, or with the folder of an `exemplar up`."""

    def __init__(self, environ: dict[str, str], *options: str) -> None:
        self._environ: dict[str, str | None] = {"EXEMPLAR_PASSWORD_MEMORY_KIB": "8", **environ}
        self._options = options

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments: str) -> str:
        with capture_logs():  # the process writes them to standard error
            done = CliRunner().invoke(app, [*arguments, *self._options], env=self._environ)
        assert done.exception is None, repr(done.exception)
        return done.stdout

    def error(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, *self._options], env=self._environ)
        assert isinstance(done.exception, ConfigurationError), done.output
        assert "\n" not in str(done.exception)
        return str(done.exception)
