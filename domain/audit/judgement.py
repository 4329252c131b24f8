"""What a history is judged by, and the result: whether its decisions would be the same today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.accounts.tiers import Tier
from domain.generation.lifecycle import Timeouts
from domain.submission.composition import Composition
from domain.submission.model_inputs import Ceilings

Reason = Literal["personal_data_gone", "answer_gone", "answer_not_recorded", "answer_differs", "counts_not_recorded"]
"""Why a decision cannot be made again."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decisions depend on."""

    timeouts: Timeouts
    tiers: Mapping[str, Tier]
    composition: Composition
    ceilings: Ceilings


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered about a prediction that has ended."""

    outputs: tuple[str, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Beside:
    """What is kept beside the log of one generation.

    answers: by prediction, or the reason why one is not that whose hash the log has.
    """

    instructions: str
    salt: bytes
    answers: Mapping[str, Answer | Reason]


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """The first event that would be another one today, or none."""

    generation: str
    event: str
    type: str
    recorded: str
    today: str


@dataclass(slots=True)
class Verdict:
    """Whether a history would be the same; `unknown` maps reasons to the first event that each makes undecidable."""

    difference: DecisionDifference | None = None
    unknown: dict[Reason, str] = field(default_factory=dict)
