from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import standardwebhooks
from aiohttp import web

from events.catalogue import CATALOGUE
from tests.chaos.event_client import Event
from tests.systems.tenants import Tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Received, Receiver

Recorded = Callable[[str], Awaitable[Sequence[Event]]]
"""Returns the events of a generation in the log."""


class WebhookLog:
    """What the endpoint of a project received, each message with its signature checked."""

    def __init__(self, receiver: Receiver, project: str, secret: str) -> None:
        self._project = project
        self._verifier = standardwebhooks.Webhook(secret)
        self._bodies: defaultdict[tuple[str, Event], set[tuple[str, bytes]]] = defaultdict(set)
        self._faults: list[str] = []
        self.messages = 0
        receiver.respond = self._take

    @classmethod
    async def open(cls, receiver: Receiver, tenant: Tenant) -> "WebhookLog":
        """Register the receiver for the project of a tenant."""
        return cls(receiver, tenant.project, await tenant.register_webhook(receiver.url))

    async def complete(self, generations: Mapping[str, Sequence[Event]], recorded: Recorded, *, within: float) -> None:
        """Check that every deliverable event of the generations arrived, none that the log lacks, repeats alike."""
        expected = {
            (generation, event)
            for generation, events in generations.items()
            for event in events
            if event[1] in CATALOGUE.deliverable
        }
        await until(lambda: expected <= self._bodies.keys(), f"webhooks of {self._project}", within=within, every=0.2)
        for generation, event in self._bodies.keys() - expected:
            assert event in await recorded(generation), f"a webhook tells of {event} of {generation}, which is not"
        assert not self._faults, "; ".join(self._faults)
        differing = [key for key, bodies in self._bodies.items() if len(bodies) > 1]
        assert not differing, f"repeats with another id or body: {differing}"

    def _take(self, received: Received) -> web.Response:
        self.messages += 1
        try:
            self._verifier.verify(received.body, dict(received.headers))
        except standardwebhooks.WebhookVerificationError as error:
            if "timestamp too" not in str(error):  # of a sender with a wrong clock: it has to be sent again
                self._faults.append(f"signature of {received.id}: {error}")
            return web.Response(status=400)
        message = received.message
        data = message["data"]
        if data["project_id"] != self._project:
            self._faults.append(f"an event of {data['project_id']}")
        self._bodies[data["id"], (data["version"], message["type"])].add((received.id, received.body))
        return web.Response(status=204)
