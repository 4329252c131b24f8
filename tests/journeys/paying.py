"""What was made, and so paid, at the provider, against what the log says about it (oracle D)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from domain.generation.generation import Generation
from events.commit import Commit
from events.invocation import InvocationLost, InvocationRefused
from tests.journeys.system import System, until

# From the moment on which something is known to be unwanted until it must have ended upstream.
ENDED_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True)
class Life:
    """One generation: its commits and what they fold to."""

    generation: Generation
    commits: Sequence[Commit]

    def attempts(self, kind: type[InvocationLost] | type[InvocationRefused]) -> set[int]:
        """List the attempts of which the log says so."""
        events = [recorded.event for commit in self.commits for recorded in commit.events]
        return {event.attempt for event in events if isinstance(event, kind)}

    def unwanted_since(self, prediction: str) -> datetime | None:
        """Tell since when a prediction is known and nobody wants what comes of it; None: it is wanted."""
        known: datetime | None = None
        spared: datetime | None = None
        for recorded in (recorded for commit in self.commits for recorded in commit.events):
            event = recorded.event
            if getattr(event, "prediction", None) == prediction:
                known = known or recorded.time
                if event.type == "generation.prediction_settled":
                    return spared and max(known, spared)
                if event.type == "generation.duplicate_found":
                    return known
            if event.type in ("generation.cancel_requested", "generation.failed"):
                spared = spared or recorded.time
        return max(known, spared) if known and spared else None


async def paid_once(system: System, lives: Sequence[Life]) -> None:
    """D: one creation an attempt, none of one that was refused or lost, and what is unwanted was ended.

    A loss is true when nothing was made by that attempt. Only a process that slept through claim and grace
    excuses a false one: it calls when nobody can expect it any more.
    """
    made: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for creation in await creations(system):
        made[creation["generation"]].append(creation)
    for life in lives:
        judge(life, made[life.generation.id], overslept=system.overslept)
    unwanted = {
        creation["prediction"]: since
        for life in lives
        for creation in made[life.generation.id]
        if (since := life.unwanted_since(creation["prediction"])) is not None
    }
    for prediction, since in unwanted.items():
        await _ended(system, prediction, since)


def judge(life: Life, made: Sequence[Mapping[str, Any]], *, overslept: bool) -> None:
    """Hold one generation against what was made for it."""
    generation = life.generation
    per_attempt = Counter(creation["attempt"] for creation in made)
    twice = [attempt for attempt, count in per_attempt.items() if count > 1]
    assert not twice, f"{generation.id} was paid twice for one intention: {twice}"
    refused = per_attempt.keys() & life.attempts(InvocationRefused)
    assert not refused, f"{generation.id} was made although recorded as refused: {refused}"
    false = per_attempt.keys() & life.attempts(InvocationLost)
    assert overslept or not false, f"{generation.id} was called lost although it was made: {false}"
    known = {generation.prediction, *(duplicate.prediction for duplicate in generation.duplicates)}
    unknown = {creation["prediction"] for creation in made} - known
    assert not unknown, f"{generation.id} was made and nobody knows of it: {unknown}"


async def _ended(system: System, prediction: str, since: datetime) -> None:
    """What nobody wants was cancelled, unless it had ended by itself before that could be."""

    async def final() -> dict[str, Any] | None:
        body: dict[str, Any] = await _get(system, f"/v1/predictions/{prediction}")
        return body if body["completed_at"] else None

    body = await until(final, f"{prediction}, which nobody wants, ends upstream", every=0.2)
    alone = datetime.fromisoformat(body["completed_at"]) <= since + ENDED_WITHIN
    assert body["status"] in ("canceled", "aborted") or alone, f"{prediction} ran on, and nobody wanted it"


async def creations(system: System) -> list[dict[str, Any]]:
    """Read what was made since the provider's memory begins, oldest first."""
    listed: list[dict[str, Any]] = (await _get(system, "/_sandbox/creations"))["creations"]
    return listed


async def _get(system: System, path: str) -> Any:
    headers = {"Authorization": f"Bearer {system.secrets.sandbox_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(system.sandbox_url + path) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()
