"""Random histories that the rules allow: two developers with projects, keys, endpoints and generations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from domain.accounts import developer as developers
from domain.generation.fold import check, fold
from domain.generation.generation import Generation, is_generation, stream_of
from domain.generation.timings import keeps_unit
from domain.webhooks.endpoint import stream_of_endpoint
from events.developer import (
    DeveloperRegistered,
    DeveloperTierChanged,
    KeyCreated,
    ProjectCreated,
    ProjectDeleted,
    ProjectErased,
)
from events.envelope import RecordedEvent
from events.event import Event
from events.generation import Owner
from events.owner import CancelRequested, GenerationErased, GenerationPublished
from events.quota import QuotaReserved, QuotaSettled
from events.webhook import WebhookChanged, WebhookDisabled, WebhookRegistered, WebhookRemoved
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    VALIDATED,
    failed,
    folded,
    intended,
    lost,
    refused,
    requested,
    settled,
    started,
)

TIERS = ("free_starter", "cloud_starter", "internal")


@dataclass
class History:
    """Streams that grow by random commits; `mark` makes their names unique."""

    random: Random
    mark: str
    streams: dict[str, list[Event]] = field(default_factory=dict)

    @property
    def developers(self) -> Sequence[str]:
        return [f"{self.mark}-d{number}" for number in range(2)]

    def grow(self) -> tuple[str, int, Sequence[Event]]:
        """Add a commit; return its stream, the version before it, and its events."""
        stream = self._stream()
        events = self.streams.setdefault(stream, [])
        before = len(events)
        for _ in range(self.random.randint(1, 2)):
            events += self._next(stream, events)
        if len(events) == before:
            return self.grow()
        return stream, before, events[before:]

    def _stream(self) -> str:
        """Choose a stream: both developers first, then any that is there, or a new one."""
        for developer in self.developers:
            if developers.stream_of(developer) not in self.streams:
                return developers.stream_of(developer)
        number, kind = len(self.streams), self.random.randrange(8)
        if kind == 0:
            return stream_of_endpoint(f"{self.mark}-e{number}")
        if kind < 4:
            return stream_of(f"{self.mark}-g{number}")
        return self.random.choice([*self.streams])

    def _next(self, stream: str, events: Sequence[Event]) -> Sequence[Event]:
        if stream.startswith("generation-"):
            return _next_of_generation(self.random, self.random.choice(self.developers), events)
        if stream.startswith("webhook-"):
            return _next_of_endpoint(self.random, self.random.choice(self.developers), events)
        return _next_of_developer(self.random, events)


def recount(events: Sequence[RecordedEvent], developer: str) -> tuple[dict[str, int], set[str]]:
    """Count units by month and slots as the recount of the ledger does: from whole generations."""
    streams = {event.stream for event in events if is_generation(event.stream)}
    folded = [fold(event for event in events if event.stream == stream) for stream in streams]
    own: list[Generation] = [one for one in folded if one is not None and one.request.owner.developer == developer]
    used = Counter(one.request.period for one in own if not one.final or keeps_unit(one))
    return dict(used), {one.id for one in own if not one.final}


def _next_of_generation(random: Random, developer: str, events: Sequence[Event]) -> Sequence[Event]:
    if not events:
        owner = Owner(developer=developer, project="prj-1", user=f"usr-{random.randrange(3)}")
        return [requested(owner=owner, period=random.choice(("2026-10", "2026-11")))]
    g = folded(events)
    return [random.choice(allowed)] if (allowed := _allowed(random, g)) else []


def _allowed(random: Random, g: Generation) -> Sequence[Event]:
    limits = QuotaReserved(period=g.request.period, used=1, limit=random.randrange(3) or None, slots=1, slot_limit=2)
    outcome = "spent" if keeps_unit(g) or random.random() < 0.5 else "released"
    tried: list[Event] = [VALIDATED, limits, intended(g.attempt + 1), started(g.attempt), settled(g.attempt), COMPLETED]
    tried += [refused(g.attempt), lost(g.attempt), failed("provider_error", "completion"), CANCELED]
    tried += [CancelRequested(erase=True), GenerationPublished(is_public=True)]
    tried += [] if g.erased else [GenerationErased()]
    tried += (
        [QuotaSettled.model_validate({"period": g.request.period, "outcome": outcome})] if g.quota == "held" else []
    )
    return [event for event in tried if _is_allowed(g, event)]


def _is_allowed(g: Generation, event: Event) -> bool:
    try:
        check(g, event)
    except Exception:  # noqa: BLE001 - whatever the rules raise
        return False
    return True


def _next_of_endpoint(random: Random, developer: str, events: Sequence[Event]) -> Sequence[Event]:
    types = ("generation.completed",)
    if not events:
        return [WebhookRegistered(developer=developer, project="prj-1", url="a" * 64, event_types=types)]
    changed = WebhookChanged(url=f"{random.randrange(10**9):064}", event_types=types)
    return [random.choice((changed, WebhookDisabled(reason="gone"), WebhookRemoved()))]


def _next_of_developer(random: Random, events: Sequence[Event]) -> Sequence[Event]:
    if not events:
        return [DeveloperRegistered(tier=random.choice(TIERS))]
    project = f"prj-{random.randrange(3)}"
    return [
        random.choice(
            (
                DeveloperTierChanged(previous="any", tier=random.choice(TIERS)),
                ProjectCreated(project=project),
                ProjectDeleted(project=project),
                ProjectErased(project=project),
                KeyCreated(key=f"key-{random.randrange(99)}", project=project),
            )
        )
    ]
