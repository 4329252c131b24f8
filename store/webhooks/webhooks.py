from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domain.webhooks.endpoint import Endpoint, default_endpoint, fold_endpoint, remove, stream_of_endpoint
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.webhook import WebhookRegistered
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import EndpointUrl, WebhookEndpoints
from store.webhooks.secrets import WebhookSecrets

Decision = Callable[[Endpoint], Sequence[Event]]


class Webhooks:
    """The repository of webhook endpoints: it decides on their streams and updates what is kept beside them.

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
        self._streams = Repository(events, fold=_fold, announce=announce, clock=clock)
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._secrets = webhook_secrets
        self._host_of = host_of
        self._clock = clock

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
        """Keep a new endpoint; return its secret. Raises LimitReachedError when its project has `limit`."""
        await self._endpoints.reserve(
            endpoint_id, event.project, url, description, limit=limit, now=self._clock()
        )
        secret = await self._secrets.create(endpoint_id)
        await self._streams.append(stream_of_endpoint(endpoint_id), 0, [event], cause=cause)
        await self.project(endpoint_id)
        return secret

    async def change(
        self,
        endpoint_id: str,
        decision: Decision,
        *,
        url: EndpointUrl | None = None,
        personal_data: Mapping[str, str | None],
        cause: Cause,
    ) -> None:
        """Keep another URL or other personal data first, then decide: a reader of the event finds its URL."""
        await self._endpoints.describe(endpoint_id, url=url, personal_data=personal_data)
        await self.decide(endpoint_id, decision, cause=cause)

    async def decide(self, endpoint_id: str, decision: Decision, *, cause: Cause) -> None:
        """Load, decide and append, then update what is kept beside the log; nothing for no endpoint."""
        await self._streams.decide(
            stream_of_endpoint(endpoint_id),
            lambda endpoint: decision(endpoint) if endpoint is not None else [],
            cause=cause,
        )
        await self.project(endpoint_id)

    async def project(self, endpoint_id: str) -> None:
        """Bring what is kept beside the log to what the log says; repeatable."""
        endpoint = await self._streams.load(stream_of_endpoint(endpoint_id))
        if endpoint is None:
            return
        await self._endpoints.write(endpoint)
        if endpoint.removed:
            await self._erase(endpoint_id)
            return
        if endpoint.disabled:
            await self._deliveries.skip_all(endpoint_id, "endpoint_disabled")
        if (registered := await self._endpoints.get(endpoint_id)) is not None:
            await self._deliveries.set_host(endpoint.project, endpoint_id, self._host_of(registered.url))

    async def forget(self, project: str, generation: str) -> None:
        """End an erased generation's deliveries and delete their hosts and responses."""
        registered = await self._endpoints.of_project(project)
        endpoints = [default_endpoint(project), *(one.endpoint.id for one in registered)]
        await self._deliveries.forget(project, endpoints, generation, self._clock())

    async def erase_project(self, project: str, *, cause: Cause) -> None:
        """Remove all endpoints of a project with their secrets and deliveries, the default ones too."""
        for registered in await self._endpoints.of_project(project):
            await self.decide(registered.endpoint.id, remove, cause=cause)
        await self._erase(default_endpoint(project))

    async def _erase(self, endpoint_id: str) -> None:
        await self._secrets.erase(endpoint_id)
        await self._deliveries.erase(endpoint_id)


def _fold(commits: Sequence[Commit]) -> Endpoint | None:
    return fold_endpoint(event for commit in commits for event in commit.events)
