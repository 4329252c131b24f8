"""Load, decide, append, project: for every writer of a webhook endpoint; and the facts of its deliveries."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from domain.webhooks.addresses import host_key
from domain.webhooks.delivery import OVERLAP
from domain.webhooks.endpoint import Endpoint, default_endpoint, fold_endpoint, stream_of_endpoint
from domain.webhooks.master_keys import MasterKeys
from domain.webhooks.settings import WebhookSettings
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.webhook import WebhookRegistered
from store.commits.contract import EventStore
from store.errors import WrongExpectedVersionError
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import Address, EndpointStore, OwnerStore, SecretStore
from store.webhooks.secrets import Secrets

Decision = Callable[[Endpoint], Sequence[Event]]
_TRIES = 8

log = structlog.get_logger()


class Outgoing(Protocol):
    """What lies beside the log."""

    @property
    def endpoints(self) -> EndpointStore: ...

    @property
    def secrets(self) -> SecretStore: ...

    @property
    def deliveries(self) -> DeliveryStore: ...

    @property
    def owners(self) -> OwnerStore: ...


class Webhooks:
    """The repository of endpoints; `rows`, `secrets` and `deliveries` are what lies beside the log."""

    def __init__(
        self,
        events: EventStore,
        outgoing: Outgoing,
        settings: WebhookSettings,
        *,
        keys: MasterKeys,
        announce: Callable[[Commit], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.events = events
        self.settings = settings
        self._announce = announce
        self._clock = clock
        self.rows = outgoing.endpoints
        self._host_key = keys.host_key
        self.secrets = Secrets(outgoing.secrets, keys)
        self.deliveries = outgoing.deliveries
        self.owners = outgoing.owners

    async def register(
        self,
        endpoint_id: str,
        event: WebhookRegistered,
        *,
        address: Address,
        description: str | None,
        secret: str,
        limit: int,
        cause: Cause,
    ) -> None:
        """Keep a new endpoint; LimitReachedError when its project has `limit`."""
        now = self._clock()
        await self.rows.reserve(endpoint_id, event.project, address, description, limit=limit, now=now)
        await self.secrets.keep(endpoint_id, secret)
        await self._append(stream_of_endpoint(endpoint_id), 0, [event], cause)
        await self.project(endpoint_id)

    def host_of(self, url: str) -> str:
        """Name the host of a URL as deliveries are counted by it."""
        return host_key(url, self.settings.allow, key=self._host_key)

    async def signing(self, endpoint_id: str) -> Sequence[str]:
        """Read the secrets that sign now, the newest first; a project's default one is made when needed.

        SecretLostError when their master key is not there.
        """
        return await self.secrets.signing(endpoint_id, self._clock())

    async def rotate(self, endpoint_id: str) -> tuple[str, datetime]:
        """Put a new secret before the present one; return it and when the old one ends.

        TooManySecretsError when it has been done too often within the overlap.
        """
        now = self._clock()
        secret = await self.secrets.rotate(endpoint_id, now=now, until=now + OVERLAP)
        return secret, now + OVERLAP

    async def change(
        self,
        endpoint_id: str,
        decision: Decision,
        *,
        address: Address | None = None,
        personal_data: Mapping[str, str | None],
        cause: Cause,
    ) -> Endpoint | None:
        """Keep another URL or other words, then decide: who reads the event finds what it names."""
        await self.rows.describe(endpoint_id, address=address, personal_data=personal_data)
        return await self.decide(endpoint_id, decision, cause=cause)

    async def decide(self, endpoint_id: str, decision: Decision, *, cause: Cause) -> Endpoint | None:
        """Load, decide and append, again after a lost race; None for no endpoint."""
        stream = stream_of_endpoint(endpoint_id)
        for attempt in range(_TRIES):
            endpoint = await self.load(endpoint_id)
            if endpoint is None:
                return None
            events = list(decision(endpoint))
            try:
                if events:
                    await self._append(stream, endpoint.version, events, cause)
            except WrongExpectedVersionError:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, no secret
                continue
            return await self.project(endpoint_id)
        raise WrongExpectedVersionError(stream, -1)

    async def load(self, endpoint_id: str) -> Endpoint | None:
        """Fold an endpoint's stream; None when there is none."""
        commits = await self.events.read(stream_of_endpoint(endpoint_id))
        return fold_endpoint(event for commit in commits for event in commit.events)

    async def project(self, endpoint_id: str) -> Endpoint | None:
        """Bring what lies beside the log to what the log says; repeatable."""
        endpoint = await self.load(endpoint_id)
        if endpoint is None:
            return None
        await self.rows.write(endpoint)
        if endpoint.removed:
            await self.secrets.erase(endpoint_id)
            await self.deliveries.erase(endpoint_id)
            return endpoint
        if endpoint.disabled:
            await self.deliveries.skip_all(endpoint_id, "endpoint_disabled")
        if (registered := await self.rows.get(endpoint_id)) is not None:
            await self.deliveries.move(endpoint.project, endpoint_id, self.host_of(registered.url))
        return endpoint

    async def forget(self, project: str, generation: str) -> None:
        """End what waits of an erased generation, and forget whom its events went to and what came back."""
        registered = await self.rows.of_project(project)
        endpoints = [default_endpoint(project), *(one.endpoint.id for one in registered)]
        await self.deliveries.forget(project, endpoints, generation, self._clock())

    async def record(self, stream: str, events: Sequence[Event], *, cause: Cause) -> None:
        """Append facts that nothing decides on behind whatever stands in a stream."""
        for attempt in range(_TRIES):
            commits = await self.events.read(stream)
            try:
                await self._append(stream, commits[-1].last if commits else 0, events, cause)
            except WrongExpectedVersionError:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, no secret
            else:
                return
        raise WrongExpectedVersionError(stream, -1)

    async def _append(self, stream: str, version: int, events: Sequence[Event], cause: Cause) -> None:
        commit = await self.events.append(stream, version, events, cause=cause, time=self._clock())
        log.info("appended", stream=stream, types=[event.type for event in events])
        self._announce(commit)
