"""The exchange, queues and bindings in RabbitMQ, made from the event types of each queue."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import RecordedEvent

DELIVERY_LIMIT = 20
DEAD_TTL_MS = 7 * 24 * 3600 * 1000
DEAD_MAX_LENGTH = 10_000
VHOST = "/"

Arguments = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Topology:
    """A topic exchange, a quorum queue for each actor and a dead-letter queue for each of those.

    `queues` maps a queue to its event types, as topic patterns (`*` one word, `#` any number); `prefix` is
    put before every name in RabbitMQ and is not part of the names in `queues`. A message is routed by the type
    of its event to whoever else binds a queue, and by the keys of those actors that have something to do.
    """

    queues: Mapping[str, tuple[str, ...]]
    prefix: str = ""
    delivery_limit: int = DELIVERY_LIMIT
    _routes: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def exchange(self) -> str:
        return f"{self.prefix}events"

    def queue(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def dead(self, name: str) -> str:
        return f"{self.prefix}{name}.dead"

    def routes(self, event_type: str) -> tuple[str, ...]:
        """Name the queues that an event of this type reaches, in the order of the table."""
        if event_type not in self._routes:
            self._routes[event_type] = tuple(
                name for name, patterns in self.queues.items() if any(matches(one, event_type) for one in patterns)
            )
        return self._routes[event_type]

    def deliveries(self, commit: Commit) -> dict[str, RecordedEvent]:
        """Map each queue that has something to do about a commit to the last event that reaches it.

        An event does not reach an actor that has decided a later one of the same commit.
        """
        deliveries: dict[str, RecordedEvent] = {}
        for event in commit.events:
            for queue in row.decided_by if (row := CATALOGUE.get(event.type)) else ():
                deliveries.pop(queue, None)
            deliveries |= dict.fromkeys(self.routes(event.type), event)
        return {queue: event for queue, event in deliveries.items() if queue not in commit.idle}

    def declared_queues(self) -> Iterator[tuple[str, Arguments]]:
        """List every queue in RabbitMQ with its arguments, a dead-letter queue before the queue that uses it.

        The arguments of an existing queue never change: RabbitMQ answers PRECONDITION_FAILED.
        """
        for name in self.queues:
            yield self.dead(name), _dead_arguments()
            yield self.queue(name), self._arguments(name)

    def bindings(self) -> Iterator[tuple[str, str]]:
        """List queue and routing key of every binding to the exchange."""
        for name in self.queues:
            yield self.queue(name), key_of(name)

    def _arguments(self, name: str) -> Arguments:
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": self.delivery_limit,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead(name),
        }


def topology(
    queues: Mapping[str, Sequence[str]], prefix: str = "", *, delivery_limit: int = DELIVERY_LIMIT
) -> Topology:
    """Make a topology from the event types of each queue."""
    table = {name: tuple(patterns) for name, patterns in queues.items()}
    return Topology(queues=table, prefix=prefix, delivery_limit=delivery_limit)


def key_of(queue: str) -> str:
    """Return the routing key that reaches the queue of one actor."""
    return f"actor.{queue}"


def definitions(topology: Topology) -> dict[str, Any]:
    """Write the topology as RabbitMQ's definitions, valid for 3.10 and 4.x (`load_definitions`).

    A new node that loads definitions at its start creates neither the virtual host nor a user by itself. The
    definitions create the virtual host; users are created where their passwords are kept.
    """
    return {
        "vhosts": [{"name": VHOST}],
        "exchanges": [
            {
                "name": topology.exchange,
                "vhost": VHOST,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
        ],
        "queues": [
            {"name": name, "vhost": VHOST, "durable": True, "auto_delete": False, "arguments": arguments}
            for name, arguments in topology.declared_queues()
        ],
        "bindings": [
            {
                "source": topology.exchange,
                "vhost": VHOST,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": pattern,
                "arguments": {},
            }
            for queue, pattern in topology.bindings()
        ],
    }


def definitions_json(topology: Topology) -> str:
    """Print the definitions as the content of `rabbitmq/definitions.json`."""
    return json.dumps(definitions(topology), indent=2) + "\n"


@lru_cache(maxsize=1024)
def matches(pattern: str, event_type: str) -> bool:
    """Match an event type as a topic exchange does."""
    return _matches(pattern.split("."), event_type.split("."))


def _dead_arguments() -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-message-ttl": DEAD_TTL_MS,
        "x-max-length": DEAD_MAX_LENGTH,
        "x-overflow": "drop-head",
    }


def _matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "#":
        return any(_matches(pattern[1:], parts[skipped:]) for skipped in range(len(parts) + 1))
    return bool(parts) and pattern[0] in ("*", parts[0]) and _matches(pattern[1:], parts[1:])
