"""Following a generation to its end, with long polls: nothing is missed while the service restarts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from domain.errors import FailureCode
from exemplar.client_commands.connection import LASTING
from exemplar.client_commands.exit_code import CommandFailedError, ExitCode
from exemplar_client import Client, Generation

ENDED: Final = frozenset({"completed", "failed"})
_LONG_POLL_S: Final = 30


class Display(Protocol):
    """Shows the events of a generation, and how far it is."""

    def happened(self, event: dict[str, Any]) -> None: ...

    def update(self, generation: Generation) -> None: ...


def follow(client: Client, generation_id: str, display: Display, *, timeout: float) -> Generation:
    """Show every event until the generation has ended; CommandFailedError when that takes longer than `timeout`."""
    with lasting(client):
        deadline, seen = time.monotonic() + timeout, 0
        while True:
            generation = client.get(generation_id)
            display.update(generation)
            ended, left = generation["status"] in ENDED, deadline - time.monotonic()
            wait = None if ended or not seen else max(1, min(_LONG_POLL_S, int(left)))
            page = client.api.read_events(generation_id, after=seen, wait=wait)
            for event in page["events"]:
                display.happened(event)
            seen = page["version"]
            if ended:
                return generation
            if left <= 0:
                raise _unfinished(generation, timeout)


@contextmanager
def lasting(client: Client) -> Iterator[None]:
    """Try for minutes instead of seconds, once the service has answered."""
    client.requests.retries, before = LASTING, client.requests.retries
    try:
        yield
    finally:
        client.requests.retries = before


def require_completed(generation: Generation) -> None:
    """Raise CommandFailedError for a generation that failed, with the reason."""
    failure = generation["failure"]
    if failure is None:
        return
    if failure["code"] == FailureCode.CANCELED:
        raise CommandFailedError(f"{generation['id']} was canceled", ExitCode.FOUND)
    again = "the same request may succeed: try again" if failure["retryable"] else "the same request would fail again"
    message = f"{generation['id']} failed: {failure['message'].rstrip('.')} ({failure['code']}); {again}"
    raise CommandFailedError(message, ExitCode.FOUND)


def _unfinished(generation: Generation, timeout: float) -> CommandFailedError:
    message = f"{generation['id']} is {generation['state']} after {timeout:g} s; it goes on: "
    return CommandFailedError(f"{message}`exemplar watch {generation['id']}`", ExitCode.UNFINISHED)
