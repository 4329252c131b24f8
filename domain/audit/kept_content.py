"""What a generation must have beside the log until it is erased or expires, and what of it is not as recorded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.generation.digests import RETRY_CHOICES, salted_digest
from events.envelope import RecordedEvent
from events.generation import GenerationCompleted, GenerationRequested
from events.invocation import PredictionSettled
from events.owner import CancelRequested, GenerationErased

_MARGIN: Final = timedelta(hours=1)
"""A picture is stored, by another clock, so long before its event at most."""


class Retention(NamedTuple):
    """How long what lies beside the log is kept; personal data with None until they are erased."""

    results: timedelta
    examples: timedelta
    personal_data: timedelta | None


class KeptTexts(NamedTuple):
    """The personal data of a generation; `answers`: the salted hash of what the provider said of each prediction."""

    salt: bytes
    instructions: str
    answers: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class KeptContent:
    """What lies beside the log: texts, with None if there are none, and the plain hashes of pictures by digest.

    original: the instructions of the generation that this one repeats; None if they are gone.
    """

    texts: KeptTexts | None
    hashes: Mapping[str, str]
    original: str | None = None


class ContentFault(NamedTuple):
    """What is wrong, and the id of the commit that says so."""

    commit: str
    fault: str


@dataclass(slots=True)
class RecordedContent:
    """What the log says of the content of a generation; `commits`: the ids of those that say it."""

    generation: str
    request: GenerationRequested | None = None
    completed: GenerationCompleted | None = None
    answers: dict[str, str | None] = field(default_factory=dict)
    erased: bool = False
    commits: dict[str, str] = field(default_factory=dict)
    times: dict[str, datetime] = field(default_factory=dict)

    def add(self, commit: str, recorded: RecordedEvent) -> None:
        """Note an event."""
        match recorded.event:
            case GenerationRequested() as event:
                self.request = event
            case GenerationCompleted() as event:
                self.completed = event
            case PredictionSettled() as event if event.answer is not None:
                self.answers[event.prediction] = event.answer
            case GenerationErased():
                self.erased = True
            case CancelRequested(erase=erase):
                self.erased = self.erased or erase
            case _:
                return
        self.commits[recorded.type], self.times[recorded.type] = commit, recorded.time

    def expects_texts(self, retention: Retention, now: datetime) -> bool:
        """Tell whether there must be personal data."""
        return self._is_kept(GenerationRequested.type, retention.personal_data, now)

    def faults(self, kept: KeptContent, retention: Retention, now: datetime) -> Iterator[ContentFault]:
        """Compare with what is kept of a generation that is not erased."""
        if self.request is None or self.erased:
            return
        yield from self._missing(kept, retention, now)
        if kept.texts is not None:
            yield from self._changed(self.request, kept, kept.texts)

    def is_proven(self, kept: KeptContent) -> bool:
        """Tell whether the instructions could be compared: they are hashed with the examples, or with the original."""
        if self.request is None or kept.texts is None:
            return False
        if self.request.retry_of is not None:
            return kept.original is not None
        return all(one.digest in kept.hashes for one in self.request.examples)

    def _missing(self, kept: KeptContent, retention: Retention, now: datetime) -> Iterator[ContentFault]:
        if kept.texts is None and self.expects_texts(retention, now):
            yield self._fault(GenerationRequested.type, "its personal data are gone, and no event has erased them")
        examples = [one.digest for one in self.request.examples] if self.request else []
        results = [one.digest for one in self.completed.pictures] if self.completed else []
        named = (
            (GenerationRequested.type, "example", examples, retention.examples),
            (GenerationCompleted.type, "result", results, retention.results),
        )
        for kind, what, digests, keep in named:
            for digest in digests:
                if digest not in kept.hashes and self._is_kept(kind, keep, now):
                    yield self._fault(
                        kind, f"{what} {digest} is gone: no event has erased it, it is kept {keep.days} days"
                    )

    def _changed(self, request: GenerationRequested, kept: KeptContent, texts: KeptTexts) -> Iterator[ContentFault]:
        if not _leads_to(request, kept, texts):
            yield self._fault(GenerationRequested.type, "its instructions are not those that were recorded")
        for prediction, answer in self.answers.items():
            if texts.answers.get(prediction) != answer:
                fault = f"the provider's answer about {prediction} is not the one that was recorded"
                yield self._fault(PredictionSettled.type, fault)

    def _is_kept(self, kind: str, keep: timedelta | None, now: datetime) -> bool:
        return keep is None or now < self.times[kind] + keep - _MARGIN

    def _fault(self, kind: str, fault: str) -> ContentFault:
        return ContentFault(self.commits[kind], f"generation {self.generation}: {fault}")


def _leads_to(request: GenerationRequested, kept: KeptContent, texts: KeptTexts) -> bool:
    """Tell whether instructions lead to the fingerprint; also if they cannot be compared."""
    if request.retry_of is not None:
        original = request.retry_of.encode()
        digests = [salted_digest(texts.salt, b"retry", original, choice) for choice in RETRY_CHOICES]
        return request.fingerprint in digests and kept.original in (None, texts.instructions)
    plain = [kept.hashes.get(one.digest) for one in request.examples]
    hashes = [bytes.fromhex(one) for one in plain if one is not None]
    if len(hashes) < len(plain):
        return True
    return salted_digest(texts.salt, texts.instructions.encode(), *hashes) == request.fingerprint
