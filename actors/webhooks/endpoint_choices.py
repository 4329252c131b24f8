"""Whether an event was recorded after an endpoint chose its type, where clocks of writers may be wrong."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.webhooks.endpoint import Endpoint, stream_of_endpoint
from events.commit import Commit
from events.webhook import WebhookChanged, WebhookRegistered
from store.commits.contract import EventStore
from store.log.sealed_log import SealedLog

DOUBTFUL: Final = timedelta(days=1)
"""An event whose time is further before the choice was recorded before it: no clock is that wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChoices:
    """Choose what an endpoint gets: what was recorded after it chose the type.

    The times of the log decide where the event looks later. Where it looks earlier, its writer's clock may have been
    behind, and the sealed order decides; a commit without a position is later than all that have one.
    """

    events: EventStore
    sealed_log: SealedLog

    async def wanted(self, endpoint: Endpoint, commits: Collection[Commit]) -> Collection[str]:
        """Return the ids of the events of some commits that an endpoint gets."""
        wanted, doubtful = set[str](), dict[str, Commit]()
        for commit in commits:
            for event in commit.events:
                since = endpoint.event_types.get(event.type)
                if since is None or since - event.time > DOUBTFUL:
                    continue
                if endpoint.wants(event):
                    wanted.add(event.id)
                else:
                    doubtful[event.id] = commit
        if doubtful:
            wanted |= await self._later(endpoint, doubtful)
        return wanted

    async def _later(self, endpoint: Endpoint, doubtful: Mapping[str, Commit]) -> set[str]:
        """Choose the events whose commit is behind that of the choice in the sealed order."""
        choices = _choices(await self.events.read(stream_of_endpoint(endpoint.id)))
        ids = {commit.id for commit in doubtful.values()}
        positions = await self.sealed_log.positions({*ids, *choices.values()})
        types = {event.id: event.type for commit in doubtful.values() for event in commit.events}
        return {
            event
            for event, commit in doubtful.items()
            if (chosen := positions.get(choices.get(types[event], ""))) is not None
            and positions.get(commit.id, chosen + 1) > chosen
        }


def _choices(commits: Iterable[Commit]) -> Mapping[str, str]:
    """Map each type that an endpoint has chosen to the commit in which it did."""
    chosen = dict[str, str]()
    for commit in commits:
        for recorded in commit.events:
            if isinstance(recorded.event, WebhookRegistered | WebhookChanged):
                chosen = {name: chosen.get(name, commit.id) for name in recorded.event.event_types}
    return chosen
