from collections.abc import Callable, Sequence
from datetime import datetime

from domain.webhooks import endpoint as rules
from domain.webhooks.endpoint import Endpoint
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.webhook import WebhookRegistered
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.mongo.transactions import Session
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import EndpointUrl, WebhookEndpoints
from store.webhooks.secrets import WebhookSecrets, random_secret

Decision = Callable[[Endpoint], Sequence[Event]]


class Webhooks:
    """The repository of webhook endpoints: each event and the endpoint's row are written together.

    `host_of` returns the keyed hash of a URL's host, by which deliveries are counted.
    """

    def __init__(
        self,
        events: EventStore,
        *,
        endpoints: WebhookEndpoints,
        deliveries: DeliveryStore,
        webhook_secrets: WebhookSecrets,
        host_of: Callable[[str], str],
        announce: Callable[[Commit], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._streams = Repository(events, fold=rules.fold_endpoint, announce=announce, clock=clock)
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._secrets = webhook_secrets
        self._host_of = host_of

    async def register(
        self,
        endpoint_id: str,
        event: WebhookRegistered,
        *,
        url: EndpointUrl,
        description: str | None,
        limit: int,
        cause: Cause,
    ) -> str:
        """Keep a new endpoint; return its secret. Raises as `WebhookEndpoints.insert`."""
        secret = random_secret()

        async def write(_: Endpoint | None, commit: Commit, session: Session) -> None:
            [recorded] = commit.events
            endpoint = rules.evolve_endpoint(None, recorded)
            await self._endpoints.insert(endpoint, url, description, limit=limit, session=session)
            await self._secrets.keep_first(endpoint_id, secret, session)

        stream = rules.stream_of_endpoint(endpoint_id)
        await self._streams.decide(stream, lambda found: [] if found else [event], cause=cause, write=write)
        self._endpoints.forget_none(event.project)
        return secret

    async def decide(
        self, endpoint_id: str, decision: Decision, *, cause: Cause, url: EndpointUrl | None = None
    ) -> None:
        """Load, decide and append, together with a changed `url`; nothing for no endpoint."""

        async def write(before: Endpoint | None, commit: Commit, session: Session) -> None:
            after = rules.fold_endpoint(commit.events, before)
            if before is not None and after is not None:
                await self._endpoints.write(before, after, url, session)

        await self._streams.decide(
            rules.stream_of_endpoint(endpoint_id),
            lambda endpoint: decision(endpoint) if endpoint is not None else [],
            cause=cause,
            write=write,
        )
        await self.project(endpoint_id)

    async def project(self, endpoint_id: str) -> None:
        """Bring an endpoint's deliveries and secrets to what the log says; repeatable."""
        endpoint = await self._streams.load(rules.stream_of_endpoint(endpoint_id))
        if endpoint is None:
            return
        self._endpoints.forget_none(endpoint.project)
        if endpoint.removed:
            await self._erase(endpoint_id)
            return
        if endpoint.disabled:
            await self._deliveries.skip_all(endpoint_id, "endpoint_disabled")
        if (registered := await self._endpoints.get(endpoint_id)) is not None:
            await self._deliveries.set_host(endpoint.project, endpoint_id, self._host_of(registered.url))

    async def erase_project(self, project: str, *, cause: Cause) -> None:
        """Remove all endpoints of a project with their secrets and deliveries, the default ones too."""
        for registered in await self._endpoints.of_project(project):
            await self.decide(registered.endpoint.id, rules.remove, cause=cause)
        await self._erase(rules.default_endpoint(project))

    async def _erase(self, endpoint_id: str) -> None:
        await self._secrets.erase(endpoint_id)
        await self._deliveries.erase(endpoint_id)
