"""Check the stream of one generation, event by event: its end, its attempts, its unit, its times and costs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from domain.audit.invariants import Found, Invariant, Violation
from domain.audit.price_check import PaidTime
from domain.generation.fold import IllegalTransitionError, check, evolve
from domain.generation.generation import Generation
from domain.generation.timings import is_run_in_vain, phases_of, total_ms
from events.envelope import RecordedEvent
from events.generation import GenerationCompleted, GenerationFailed, GenerationRequested
from events.invocation import DuplicateFound, GenerationStarted, InvocationIntended, PredictionSettled
from events.quota import QuotaReserved, QuotaSettled


@dataclass(slots=True)
class GenerationCheck:
    """The fold of a generation, and what it does not keep.

    attempts: the predictions of each announced attempt. lawful: each event was allowed by the state before it.
    units: those of its month that it took and has not returned.
    """

    generation: Generation | None = None
    ended_by: str | None = None
    settled_by: str | None = None
    attempts: dict[int, set[str]] = field(default_factory=dict)
    longest_ms: int = 0
    units: int = 0
    lawful: bool = True
    paid: list[PaidTime] = field(default_factory=list)

    def add(self, recorded: RecordedEvent) -> Iterator[Found]:
        """Apply the next event; raises what `evolve` raises for one that cannot follow."""
        before, event = self.generation, recorded.event
        yield from self._allowed(before, recorded)
        after = self.generation = evolve(before, recorded)
        if before is None or after.state is not before.state:
            self.longest_ms = max(self.longest_ms, (recorded.time - after.created_at) // timedelta(milliseconds=1))
        match event:
            case GenerationRequested():
                self.units += 1
            case GenerationCompleted() | GenerationFailed():
                yield from self._ended(recorded)
            case InvocationIntended(attempt=attempt):
                yield from self._announced(recorded.id, attempt)
            case GenerationStarted() | PredictionSettled() | DuplicateFound():
                yield from self._created(recorded.id, event.attempt, event.prediction)
            case QuotaReserved() | QuotaSettled():
                yield from self._unit(recorded, after)
        yield from self._costs(recorded, before)

    def end(self) -> Iterator[Found]:
        """Check the whole, once the last event was applied."""
        g = self.generation
        if g is None:
            return
        whole, parts = total_ms(g), sum(phases_of(g).values())
        if not parts == whole == self.longest_ms:
            fault = f"its phases are {parts} ms, its states {whole} ms, its events {self.longest_ms} ms"
            yield Invariant.SUMS, Violation(g.id, fault)
        if g.final and self.ended_by is None:
            yield Invariant.ONE_FINAL_EVENT, Violation(g.id, "is final without a final event")

    def _allowed(self, before: Generation | None, recorded: RecordedEvent) -> Iterator[Found]:
        try:
            check(before, recorded.event)
        except (IllegalTransitionError, KeyError) as error:
            known = isinstance(error, IllegalTransitionError)
            fault = str(error) if known else f"{recorded.type} is no event of a generation"
            self.lawful = False
            yield Invariant.ONE_FINAL_EVENT, Violation(recorded.id, fault)

    def _ended(self, recorded: RecordedEvent) -> Iterator[Found]:
        if self.ended_by is not None:
            fault = f"is a second final event: {self.ended_by} was the first"
            yield Invariant.ONE_FINAL_EVENT, Violation(recorded.id, fault)
        self.ended_by = self.ended_by or recorded.id

    def _announced(self, name: str, attempt: int) -> Iterator[Found]:
        expected = max(self.attempts, default=0) + 1
        if attempt != expected:
            yield Invariant.ONE_CREATION, Violation(name, f"announces attempt {attempt}, expected is {expected}")
        self.attempts.setdefault(attempt, set())

    def _created(self, name: str, attempt: int, prediction: str) -> Iterator[Found]:
        made = self.attempts.get(attempt)
        if made is None:
            yield Invariant.ONE_CREATION, Violation(name, f"attempt {attempt} was not announced before it")
            made = self.attempts[attempt] = set()
        if made and prediction not in made:
            fault = f"attempt {attempt} has made {prediction} and {', '.join(sorted(made))}"
            yield Invariant.ONE_CREATION, Violation(name, fault)
        made.add(prediction)

    def _unit(self, recorded: RecordedEvent, g: Generation) -> Iterator[Found]:
        event = recorded.event
        if isinstance(event, (QuotaReserved, QuotaSettled)) and event.period != g.request.period:
            yield _unit(recorded.id, f"is of {event.period}, the unit was taken of {g.request.period}")
        if not isinstance(event, QuotaSettled):
            return
        if self.settled_by is not None:
            yield _unit(recorded.id, f"settles the unit again: {self.settled_by} did it before")
        self.settled_by = self.settled_by or recorded.id
        self.units -= event.outcome == "released"
        if (event.outcome == "spent") != (g.status == "completed") and not (is_run_in_vain(g) and g.final):
            yield _unit(recorded.id, f"has {event.outcome} the unit of a generation that is {g.status}")

    def _costs(self, recorded: RecordedEvent, before: Generation | None) -> Iterator[Found]:
        event = recorded.event
        if isinstance(event, (PredictionSettled, DuplicateFound)):
            self.paid += PaidTime.of(recorded.id, recorded.time, event.predict_seconds, event.cost_microusd)
        if isinstance(event, GenerationCompleted) and before is not None and before.settled is not None:
            known, written = _paid(before.settled), _paid(event)
            if event.cost_microusd is not None and known != written:
                yield Invariant.SUMS, Violation(recorded.id, f"has {written}, its prediction {known}")


def _paid(event: GenerationCompleted | PredictionSettled) -> str:
    """Write seconds of compute and what they cost."""
    seconds, cost = event.predict_seconds, event.cost_microusd
    time = "an unknown time" if seconds is None else f"{seconds} s"
    return f"{time} for {'an unknown cost' if cost is None else f'{cost} microusd'}"


def _unit(name: str, fault: str) -> Found:
    return Invariant.QUOTA, Violation(name, fault)
