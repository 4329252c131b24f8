"""`exemplar listen`: webhooks to a program on this machine, out of the event stream: no public address is needed."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from exemplar.client_commands.connection import find_connection, open_client
from exemplar.client_commands.event_names import complete_event, require_events
from exemplar.client_commands.feed_message import FeedMessages, Message
from exemplar.client_commands.following import lasting
from exemplar.client_commands.local_delivery import LocalDelivery, Response, delivery_to
from exemplar.client_commands.options import Home, ProfileName
from exemplar.commands.options import AsJson
from exemplar.environment import ConfigurationError
from exemplar_client import Client, NotFoundError, UnknownPositionError

ForwardTo = Annotated[str, typer.Option("--forward-to", metavar="URL", help="Your program: localhost:3000/hook")]
Secret = Annotated[str | None, typer.Option(help="Signing secret, whsec_...; else one that this user keeps.")]


def listen(
    forward_to: ForwardTo,
    *,
    events: Annotated[
        list[str] | None, typer.Option("--event", help="Only this event.", autocompletion=complete_event)
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin after this position; 0: before the first event.")] = None,
    secret: Secret = None,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Send the webhooks of your generations to a program on this machine, until Ctrl-C."""
    chosen = require_events(events or [])
    connection = find_connection(home, profile)
    with delivery_to(forward_to, secret) as delivery, open_client(connection) as client:
        forwarding = Forwarding(connection.url, delivery, chosen, as_json=as_json, position=after)
        try:
            forwarding.run(client)
        except KeyboardInterrupt:
            sys.stderr.write(f"\nstopped; `--after {forwarding.position}` goes on from here\n")
        except UnknownPositionError:
            raise ConfigurationError(f"--after {after}: no position of this feed") from None


@dataclass(slots=True)
class Forwarding:
    """Forwards what the feed of a service brings; `position` is that of the last event which was sent."""

    url: str
    delivery: LocalDelivery
    chosen: frozenset[str]
    as_json: bool
    position: str | None

    def run(self, client: Client) -> None:
        """Forward until the feed ends, which it does not: interruptions are resumed from the position."""
        messages = FeedMessages(self.url, client.api.read_own_account(), lambda one: _status(client, one))
        self._print_start(messages.account)
        with lasting(client):
            for event in client.feed(after=self.position):
                if event.type in self.chosen:
                    self._forward(messages.write(event.data))
                self.position = event.position

    def _forward(self, message: Message) -> None:
        response = self.delivery.send(message.id, message.body, version=message.version)
        if self.as_json:
            sent = {"id": message.id, "type": message.type, "generation": message.generation}
            _print_line(json.dumps(sent | asdict(response)))
        else:
            _print_line(f"{message.type:<28} {message.generation}  {response.text}{_remedy(response)}")

    def _print_start(self, account: dict[str, Any]) -> None:
        if self.as_json:
            _print_line(json.dumps({"forward_to": self.delivery.url, "secret": self.delivery.secret}))
            return
        _print_line(f"Signing secret: {self.delivery.secret}")
        _print_line(f"Events of {account['email']} go to {self.delivery.url}; Ctrl-C ends it.")


def _status(client: Client, generation_id: str) -> str | None:
    try:
        return client.get(generation_id)["status"]
    except NotFoundError:
        return None


def _remedy(response: Response) -> str:
    if response.status is None:
        return " (is your program running?)"
    return "" if response.accepted else " (the service would try again; this command does not)"


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
