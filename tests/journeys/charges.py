"""Invariant D: the predictions created, and so paid, at the provider match what the log says."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from domain.generation.generation import Generation
from events.commit import Commit
from events.invocation import InvocationLost, InvocationRefused
from tests.systems.system import System
from tests.systems.waiting import until

# From the time at which a prediction is known and unwanted until it must have ended at the provider.
ENDED_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True)
class History:
    """One generation: its commits and what they fold to."""

    generation: Generation
    commits: Sequence[Commit]

    def attempts(self, kind: type[InvocationLost] | type[InvocationRefused]) -> set[int]:
        """Return the attempts with such an event."""
        events = [recorded.event for commit in self.commits for recorded in commit.events]
        return {event.attempt for event in events if isinstance(event, kind)}

    def lost_during(self, began: datetime, ended: datetime) -> bool:
        """Tell whether an attempt was called lost in this time."""
        events = [recorded for commit in self.commits for recorded in commit.events]
        return any(isinstance(one.event, InvocationLost) and began <= one.time <= ended for one in events)

    def unwanted_since(self, prediction: str) -> datetime | None:
        """Return since when a prediction is known and not wanted any more; None while it is wanted."""
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


async def paid_once(system: System, histories: Sequence[History]) -> None:
    """D: one creation an attempt, none for a refused or lost one, unwanted predictions cancelled.

    A loss is correct when that attempt created nothing. Only a process that was stopped through claim and
    grace excuses an incorrect one: it calls after the claim has been given up.
    """
    made: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for creation in await creations(system):
        made[creation["generation"]].append(creation)
    for history in histories:
        overslept = any(history.lost_during(began, ended) for began, ended in system.overslept)
        check_charges(history, made[history.generation.id], overslept=overslept)
    unwanted = {
        creation["prediction"]: since
        for history in histories
        for creation in made[history.generation.id]
        if (since := history.unwanted_since(creation["prediction"])) is not None
    }
    for prediction, since in unwanted.items():
        await _ended(system, prediction, since)


def check_charges(history: History, made: Sequence[Mapping[str, Any]], *, overslept: bool) -> None:
    """Compare one generation with what was created for it."""
    generation = history.generation
    per_attempt = Counter(creation["attempt"] for creation in made)
    twice = [attempt for attempt, count in per_attempt.items() if count > 1]
    assert not twice, f"{generation.id} was paid twice for one intention: {twice}"
    refused = per_attempt.keys() & history.attempts(InvocationRefused)
    assert not refused, f"{generation.id} was made although recorded as refused: {refused}"
    false = per_attempt.keys() & history.attempts(InvocationLost)
    assert overslept or not false, f"{generation.id} was called lost although it was made: {false}"
    known = {generation.prediction, *(duplicate.prediction for duplicate in generation.duplicates)}
    unknown = {creation["prediction"] for creation in made} - known
    assert not unknown, f"{generation.id} was made which the log does not know: {unknown}"


async def _ended(system: System, prediction: str, since: datetime) -> None:
    """An unwanted prediction was cancelled, unless it had ended before."""

    async def final() -> dict[str, Any] | None:
        body: dict[str, Any] = await _get(system, f"/v1/predictions/{prediction}")
        return body if body["completed_at"] else None

    body = await until(final, f"{prediction}, which is unwanted, ends at the provider", every=0.2)
    alone = datetime.fromisoformat(body["completed_at"]) <= since + ENDED_WITHIN
    assert body["status"] in ("canceled", "aborted") or alone, f"{prediction} ran on although it was unwanted"


async def creations(system: System) -> list[dict[str, Any]]:
    """Return every creation, oldest first."""
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
