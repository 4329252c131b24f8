"""What must hold at the end of every life: nothing lost, nothing paid twice, quota conserved, one final event."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from domain.audit.history_judge import judge
from domain.audit.judgement import Rules
from domain.generation.fold import IllegalTransitionError, check, evolve
from domain.generation.generation import Generation, id_of, is_generation
from domain.submission.model_inputs import Ceilings
from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import RecordedEvent
from events.invocation import InvocationLost, InvocationRefused
from events.quota import QuotaSettled
from store.generations.projection import row_of
from store.replay.decision_replay import beside_of
from tests.simulation.servers import TIER, TIMEOUTS
from tests.simulation.world import SUBSCRIBERS, World

RULES = Rules(TIMEOUTS, {TIER.name: TIER}, "first", Ceilings())


@dataclass(frozen=True)
class History:
    """A stream of a generation and what it folds to; `fault`: a transition that the rules forbid."""

    generation: Generation
    events: Sequence[RecordedEvent]
    fault: str | None

    def attempts(self, *kinds: type) -> set[int]:
        return {one.event.attempt for one in self.events if isinstance(one.event, kinds)}  # type: ignore[attr-defined]

    @property
    def rests(self) -> bool:
        """Tell whether nothing more is to be done."""
        g = self.generation
        return g.final and g.quota != "held" and (g.erased or not g.erase_requested)


def may_rest(world: World) -> bool:
    """Tell quickly whether every stream is final and settled."""
    streams = world.servers.events._streams  # type: ignore[attr-defined]
    types = [{event.type for commit in commits for event in commit.events} for commits in streams.values()]
    return all(QuotaSettled.type in one and not one.isdisjoint(CATALOGUE.final) for one in types)


def histories(world: World) -> list[History]:
    streams = world.servers.events._streams  # type: ignore[attr-defined]
    return [_history(commits) for stream, commits in streams.items() if is_generation(stream)]


def at_rest(world: World, found: Sequence[History]) -> bool:
    """Tell whether every generation is final and every job has caught up."""
    servers = world.servers
    sealed, rows = servers.sealed_log._sealed, servers.projection._rows
    if not all(one.rests for one in found) or servers.positions.parked:
        return False
    if any(account.slots for account in servers.ledger._accounts.values()):
        return False
    if any(made.prediction.outcome is None for made in world.provider.made.values()):
        return False
    if any(servers.positions.positions.get(name, 0) < len(sealed) for name in SUBSCRIBERS):
        return False
    commits = len([commit for stream in servers.events._streams.values() for commit in stream])  # type: ignore[attr-defined]
    behind = [one for one in found if one.generation.id not in rows or _is_behind(world, one)]
    return len(sealed) == commits and not behind


def violations(world: World, found: Sequence[History]) -> list[str]:
    """Name everything that is wrong, in words."""
    wrong = [*world.unexpected, *world.servers.ledger.overdrawn, *_lost(world, found)]
    for one in found:
        faults = (*_stream_faults(one), *_charges(world, one), *_decided_otherwise(world, one))
        wrong += [f"{one.generation.id}: {fault}" for fault in faults]
    return wrong + _quota(world, found)


def _history(commits: Sequence[Commit]) -> History:
    generation, fault = None, None
    events = [event for commit in commits for event in commit.events]
    for event in events:
        try:
            check(generation, event.event)
        except IllegalTransitionError as error:
            fault = fault or str(error)
        generation = evolve(generation, event)
    assert generation is not None
    return History(generation, events, fault)


def _lost(world: World, found: Sequence[History]) -> list[str]:
    recorded = {one.generation.id for one in found}
    absent = [f"{name} was accepted and is not recorded" for name in sorted(world.accepted - recorded)]
    stuck = [f"{one.generation.id} stays {one.generation.state.value}" for one in found if not one.rests]
    private = world.servers.personal_data._personal_data
    kept = [
        f"{one.generation.id} is erased and its data are kept"
        for one in found
        if one.generation.erased and any(key[0] == one.generation.id for key in private)
    ]
    return [*absent, *stuck, *kept]


def _stream_faults(one: History) -> list[str]:
    faults = [] if one.fault is None else [one.fault]
    ends = len([event for event in one.events if event.type in CATALOGUE.final])
    return faults if ends <= 1 else [*faults, f"it ended {ends} times"]


def _charges(world: World, one: History) -> list[str]:
    """Compare what was created with what the log says, as `tests/journeys/charges.py` does."""
    made = {name: made for name, made in world.provider.made.items() if made.callback.generation == one.generation.id}
    per_attempt = Counter(one.callback.attempt for one in made.values())
    seen = {one.callback.attempt for one in made.values() if not one.vanished}
    known = {one.generation.prediction, *(duplicate.prediction for duplicate in one.generation.duplicates)}
    unknown = sorted(name for name, made in made.items() if name not in known and not made.vanished)
    faults = {
        "paid twice for attempts": [attempt for attempt, count in per_attempt.items() if count > 1],
        "made though refused": sorted(per_attempt.keys() & one.attempts(InvocationRefused)),
        "made though lost": sorted(seen & one.attempts(InvocationLost)),
        "unknown to the log": unknown,
    }
    return [f"{fault} {which}" for fault, which in faults.items() if which]


def _decided_otherwise(world: World, one: History) -> list[str]:
    """Make every decision again by the same rules, which must come to the same."""
    request = one.generation.request
    personal_data = world.servers.personal_data._personal_data.get((one.generation.id, request.personal_data))
    beside = None if personal_data is None else beside_of(personal_data, one.events)
    verdict = judge(one.events, beside, RULES)
    expected = {"personal_data_gone", "answer_gone"} if one.generation.erased else {"counts_not_recorded"}
    unknown = [f"{event} is not decidable: {reason}" for reason, event in verdict.unknown.items()]
    return [
        *([str(verdict.difference)] if verdict.difference else []),
        *(unknown if verdict.unknown.keys() - expected else []),
    ]


def _quota(world: World, found: Sequence[History]) -> list[str]:
    used = Counter[tuple[str, str]]()
    for one in found:
        if one.generation.status == "completed":
            used[one.generation.request.owner.developer, one.generation.request.period] += 1
    stored = Counter[tuple[str, str]]()
    wrong = []
    for developer, account in world.servers.ledger._accounts.items():
        stored.update({(developer, period): units for period, units in account.used if units})
        wrong += [f"{developer} keeps a slot for {slot.generation}" for slot in account.slots]
    return [*wrong, *([f"units {dict(stored)} instead of {dict(used)}"] if stored != used else [])]


def _is_behind(world: World, one: History) -> bool:
    row = world.servers.projection._rows[one.generation.id]
    return row != row_of(one.generation, TIMEOUTS, {}) and id_of(one.events[0].stream) == row.id
