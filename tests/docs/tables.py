"""The tables of the documents, derived from the code."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from actors.jobs.schedule import JOBS, MEASUREMENT, SUBSCRIBER_PERIOD
from actors.jobs.subscribers import SUBSCRIBERS
from actors.subscriptions import ACTORS, QUEUES
from domain.accounts.tiers import TIERS
from domain.errors import ErrorCode, FailureCode
from domain.generation import decisions, invocation
from domain.generation.decisions import ALLOWED
from domain.generation.explanation import Reason
from domain.generation.generation import _STATUS, Generation, State
from domain.generation.lifecycle import RUNNING
from domain.generation.timings import PHASES, Phase
from domain.webhooks.retry_schedule import PAUSES
from events.generation import GENERATION, GenerationFailed, GenerationRequested, Owner
from exemplar.metrics.catalogue import METRICS
from exemplar.settings import sections
from gateway.documentation.error_guide import error_guide
from gateway.http.error_mapping import HTTP_ERRORS
from tests.docs.reading import ROOT

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def statuses() -> list[list[str]]:
    """State and public status, in the order of the lifecycle."""
    return [[f"`{state.value}`", f"`{_STATUS.get(state, 'pending')}`"] for state in State]


def moves() -> list[list[str]]:
    """Event, and the states in which it may be appended."""
    return [[f"`{row.name}`", _states(ALLOWED[row.cls])] for row in GENERATION]


def writers() -> list[list[str]]:
    """Event and what appends it."""
    return [[f"`{row.name}`", row.writer] for row in GENERATION]


def failures() -> list[list[str]]:
    """Failure code, and whether a retry may help."""
    retryable = dict(_retryable())
    return [[f"`{code.value}`", "yes" if retryable[code] else "no"] for code in FailureCode]


def reasons() -> list[list[str]]:
    """Reason why a generation is not finished, in the order of the lifecycle."""
    return [[f"`{reason.value}`"] for reason in Reason]


def values(closed: Any) -> list[list[str]]:
    """The values of a closed list, also of one that is made of others."""
    return [[f"`{value}`"] for part in get_args(closed) for value in (get_args(part) or (part,))]


def phases() -> list[list[str]]:
    """Phase, and the states whose time belongs to it."""
    return [
        [f"`{phase}`", ", ".join(f"`{state.value}`" for state, its in PHASES.items() if its == phase)]
        for phase in get_args(Phase)
    ]


def errors() -> list[list[str]]:
    """Error code, status, sentence, when it comes and what to do."""
    known = [(code, HTTP_ERRORS[code], error_guide()[code]) for code in ErrorCode]
    return [[f"`{code.value}`", str(error.status), error.detail, *guide] for code, error, guide in known]


def pauses() -> list[str]:
    """Pause before each webhook attempt but the first, in its largest unit."""
    units = (("h", timedelta(hours=1)), ("min", timedelta(minutes=1)), ("s", timedelta(seconds=1)))
    return [next(f"{pause // unit} {name}" for name, unit in units if pause >= unit) for pause in PAUSES[1:]]


def tiers() -> list[list[str]]:
    """Tier and its limits."""
    return [
        [
            f"`{tier.name}`",
            *map(
                _limit, (tier.monthly, tier.concurrent, tier.daily_requests, tier.projects, tier.uncharged, tier.queued)
            ),
        ]
        for tier in TIERS.values()
    ]


def jobs() -> list[list[str]]:
    """Job and period."""
    subscribers = [[f"`subscriber:{name}`", f"{SUBSCRIBER_PERIOD:g} s"] for name in SUBSCRIBERS]
    return [*([f"`{job.name}`", f"{job.period:g} s"] for job in (*JOBS, MEASUREMENT)), *subscribers]


def metrics() -> list[list[str]]:
    """Metric, type, labels and meaning."""
    return [
        [
            f"`{metric.name}`",
            type(metric).__name__.lower(),
            ", ".join(f"`{label.name}`" for label in metric.labels),
            metric.help,
        ]
        for metric in METRICS
    ]


def subscriptions() -> list[list[str]]:
    """Queue, event types and handler."""
    return [
        [f"`{queue}`", ", ".join(f"`{event}`" for event in QUEUES[queue]), f"`{_file(actor.fn)}`"]
        for queue, actor in ACTORS.items()
    ]


def indexes(found: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Collection, and its indexes besides `_id`."""
    return [[f"`{name}`", "; ".join(_index(found[name])) or "none"] for name in collections()]


def collections() -> list[str]:
    """Name every collection that the store opens, also those that are empty."""
    opened = re.compile(r'''(?:get_collection\(\s*|database\[)"([a-z_]+)"''')
    text = "".join(path.read_text() for path in _with_imports(ROOT / "store/adapters.py", set()))
    return sorted(set(opened.findall(text)))


def _with_imports(path: Path, seen: set[Path]) -> set[Path]:
    """Find the modules of the store that one of them needs, itself included."""
    seen.add(path)
    for module, name in re.findall(r"^from (store\.[\w.]+) import (\w+)?", path.read_text(), re.MULTILINE):
        within = ROOT / module.replace(".", "/")
        needed = within / f"{name}.py" if within.is_dir() else within.with_suffix(".py")
        if needed not in seen:
            _with_imports(needed, seen)
    return seen


def _limit(limit: int | None) -> str:
    return "unlimited" if limit is None else f"{limit:,}"


def _states(allowed: Iterable[State]) -> str:
    states = set(allowed)
    match states:
        case set() if not states:
            return "none: it begins the stream"
        case _ if states == set(State):
            return "every state"
        case _ if states == RUNNING:
            return "every state that is not final"
    return ", ".join(f"`{state.value}`" for state in State if state in states)


def _file(handler: Any) -> str:
    return f"{handler.__module__.replace('.', '/')}.py"


def _index(found: Mapping[str, Any]) -> Iterator[str]:
    for name, index in sorted(found.items()):
        if name == "_id_":
            continue
        notes = ["unique"] if index.get("unique") else []
        notes += [f"where {part}" for part in index.get("partialFilterExpression", {})]
        notes += ["expires"] if "expireAfterSeconds" in index else []
        keys = ", ".join(f"`{key}`" for key, _ in index["key"])
        yield keys + (f" ({', '.join(notes)})" if notes else "")


def _retryable() -> Iterator[tuple[FailureCode, bool]]:
    """Collect the codes of all decisions that fail a generation, and whether a retry may help."""
    requested, late = _generation(State.REQUESTED), NOW + timedelta(hours=1)
    intended = _generation(State.INTENDED)
    decided: Sequence[Any] = [
        *decisions.reject_examples(requested),
        *decisions.deny(_generation(State.VALIDATED)),
        *invocation.refuse(intended, attempt=1, code="provider_422", retry_at=None),
        *invocation.lose(replace(intended, lost=invocation.MAX_LOST - 1), attempt=1),
        *decisions.cancel(requested),
        *decisions.expire(requested, now=NOW + timedelta(minutes=11)),
        *decisions.expire(requested, now=late),
        *decisions.expire(_with_deadline(requested, own_start=True), now=NOW + timedelta(minutes=11)),
        *decisions.expire(_with_deadline(requested, cancel_after=30), now=late),
    ]
    for event in decided:
        if isinstance(event, GenerationFailed):
            yield FailureCode(event.code), event.retryable
    after_the_provider = (
        FailureCode.CONTENT_FLAGGED,
        FailureCode.PROVIDER_FAILED,
        FailureCode.PROVIDER_CANCELED,
        FailureCode.OUTPUT_UNAVAILABLE,
        FailureCode.OUTPUT_INVALID,
    )
    yield from ((code, code in decisions.RETRYABLE) for code in after_the_provider)


def _with_deadline(generation: Generation, **own: int) -> Generation:
    """Return the generation with a deadline that is the client's own."""
    return replace(generation, request=generation.request.model_copy(update=own))


def _generation(state: State) -> Generation:
    request = GenerationRequested(
        owner=Owner(developer="d", project="p", user="u"),
        personal_data="w",
        fingerprint="f",
        idempotent=False,
        examples=(),
        period="2026-11",
        tier="free_starter",
        start_by=NOW + timedelta(minutes=10),
        finish_by=NOW + timedelta(minutes=35),
    )
    return Generation("g", 1, state, request, NOW, NOW, NOW, attempt=1)


def settings() -> str:
    """Write the tables of docs/configuration.md."""
    parts: list[str] = []
    for title, settings in sections():
        parts.append(f"### {title}\n\n| variable | default | meaning |\n|---|---|---|\n")
        parts += [
            f"| `{setting.name}` | {_cell(setting.default)} | {setting.description.rstrip('.')} |\n"
            for setting in settings
        ]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _cell(default: str | None) -> str:
    if default is None:
        return "must be set"
    return f"`{default}`" if default else "empty"
