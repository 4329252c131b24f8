"""`exemplar probe`: the health check of a container."""

import http.client
import sys
from enum import StrEnum
from typing import Annotated, Final

import typer

from exemplar.client_commands.exit_code import ExitCode
from exemplar.environment import ConfigurationError, read
from exemplar.metrics.settings import MetricsSettings

_TIMEOUT_S: Final = 5.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class Question(StrEnum):
    """What a process is asked."""

    LIVE = "live"
    READY = "ready"


def probe(
    question: Annotated[Question, typer.Argument(help="live: must it be restarted? ready: can it work?")],
    processes: Annotated[int, typer.Option(min=1, max=256, help="How many processes there are, as it was told.")] = 1,
) -> None:
    """Ask the process of this machine whether it lives, or is ready; exit code 1 with its answer when it does not.

    EXEMPLAR_METRICS_PORT and EXEMPLAR_METRICS_HOST are those of the process.
    """
    settings = read(MetricsSettings)
    answers = [_ask(settings, number, question) for number in range(1, processes + 1)]
    failed = [text for works, text in answers if not works]
    if failed:
        sys.stdout.write("\n".join(failed) + "\n")
        raise typer.Exit(ExitCode.FOUND)


def _ask(settings: MetricsSettings, number: int, question: Question) -> tuple[bool, str]:
    """Ask one process; return whether it says yes, and its answer or why there is none."""
    port = settings.port_of(number)
    if port is None:
        raise ConfigurationError("EXEMPLAR_METRICS_PORT is not set: a process answers probes there")
    host = _EVERYWHERE.get(settings.metrics_host, settings.metrics_host)
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", f"/health/{question}")
        answer = connection.getresponse()
        return answer.status == http.client.OK, answer.read(10_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return False, f"port {port} does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
