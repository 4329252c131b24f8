"""`exemplar trigger`: a signed example of an event, sent to a program on this machine."""

import sys
from dataclasses import asdict
from typing import Annotated
from uuid import uuid4

import typer

from domain.webhooks.delivery import EXAMPLE_ID, example_of
from domain.webhooks.message_body import message_body
from events.envelope import RecordedEvent, format_time, visible
from exemplar.client_commands.event_names import complete_event, require_event
from exemplar.client_commands.exit_code import CommandFailedError, ExitCode
from exemplar.client_commands.listen import ForwardTo, Secret
from exemplar.client_commands.local_delivery import Response, delivery_to
from exemplar.clock import now
from exemplar.commands.options import AsJson
from exemplar.commands.output import print_json


def trigger(
    event: Annotated[
        str, typer.Argument(help="For example generation.completed.", autocompletion=complete_event, metavar="EVENT")
    ],
    forward_to: ForwardTo,
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Send a signed example of an event to a program; exit code 1 unless it answers 2xx."""
    name = require_event(event)
    with delivery_to(forward_to, secret) as delivery:
        sys.stderr.write(f"signed with {delivery.secret}\n")
        example, message_id = example_of(name, now=now()), f"msg_{uuid4().hex}"
        response = delivery.send(message_id, body_of(example), version=example.version)
        if as_json:
            print_json({"id": message_id, "type": name, **asdict(response)})
        else:
            sys.stdout.write(f"{name}  {response.text}\n")
        _require_accepted(response, delivery.url)


def body_of(example: RecordedEvent) -> bytes:
    """Write the message, marked as an example."""
    known = {"id": EXAMPLE_ID, "example": True, "project_id": EXAMPLE_ID, "version": example.version}
    return message_body(example.type, format_time(example.time), {**known, "event": visible(example)})


def _require_accepted(response: Response, url: str) -> None:
    if response.status is None:
        raise CommandFailedError(f"nothing answers at {url}: start your program first", ExitCode.UNAVAILABLE)
    if not response.accepted:
        raise CommandFailedError(
            f"{url} answered {response.status}: a webhook is delivered by 2xx; 400 often means another secret",
            ExitCode.FOUND,
        )
