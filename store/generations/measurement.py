"""Measure a commit of a generation: the status that it leads to, and at the end the duration of each phase."""

from domain.generation.generation import Generation
from domain.generation.timings import phases_of
from events.commit import Commit
from events.generation import GenerationCompleted, GenerationFailed, GenerationRequested
from events.invocation import GenerationStarted
from metrics.metrics import Metrics
from store.metrics import FAILURES, GENERATIONS, PHASES


def measure(metrics: Metrics, commit: Commit, generation: Generation | None) -> None:
    """Count the status, and observe the phases; `generation` is as it is after the commit, None where not known."""
    for recorded in commit.events:
        match recorded.event:
            case GenerationRequested():
                metrics.count(GENERATIONS, "pending")
            case GenerationStarted():
                metrics.count(GENERATIONS, "processing")
            case GenerationCompleted():
                metrics.count(GENERATIONS, "completed")
                _observe_phases(metrics, generation)
            case GenerationFailed(code=code):
                metrics.count(GENERATIONS, "failed")
                metrics.count(FAILURES, code)
                _observe_phases(metrics, generation)


def _observe_phases(metrics: Metrics, generation: Generation | None) -> None:
    if generation is not None:
        for phase, milliseconds in phases_of(generation).items():
            metrics.observe(PHASES, milliseconds / 1000, phase)
