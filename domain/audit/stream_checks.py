"""Everything that is checked of one stream, commit by commit, in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.audit.generation_check import GenerationCheck
from domain.audit.invariants import Found, Invariant, Violation
from domain.audit.stream_order import StoredCommit, StreamOrder
from domain.generation.generation import Generation, is_generation


@dataclass(slots=True)
class StreamChecks:
    """The order of a stream, and the rules of a generation if it is one's."""

    stream: str
    order: StreamOrder = field(init=False)
    generation: GenerationCheck = field(default_factory=GenerationCheck)
    commits: int = 0
    events: int = 0

    def __post_init__(self) -> None:
        self.order = StreamOrder(self.stream)

    def add(self, commit: StoredCommit) -> Iterator[Found]:
        """Check the next commit; a stream that is not whole is not folded any further."""
        yield from self.order.add(commit)
        self.commits += 1
        self.events += len(commit.events)
        if not is_generation(self.stream):
            return
        for recorded in commit.events:
            if not self.order.whole:
                return
            try:
                yield from self.generation.add(recorded)
            except (ValueError, KeyError, TypeError) as error:
                self.order.whole = False
                yield Invariant.NO_GAP, Violation(recorded.id, f"cannot be folded: {error}")

    def end(self) -> Iterator[Found]:
        """Check the whole stream."""
        if self.folded is not None:
            yield from self.generation.end()

    @property
    def folded(self) -> Generation | None:
        """The generation; None of another stream, and of one that is not whole or not lawful."""
        return self.generation.generation if self.order.whole and self.generation.lawful else None
