"""The port of traces on OpenTelemetry's SDK, exported by OTLP over HTTP in a thread of its own."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.util.types import Attributes as AnyAttributes

from exemplar.tracing.settings import TracingSettings
from store.tracing import NOTHING, Attributes, Kind, Span

_KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
_LIMITS: Final = SpanLimits(max_span_attributes=32, max_span_attribute_length=256, max_events=8, max_links=8)


class OpenTelemetryTracer:
    """Export spans in batches; what the collector does not take in time is dropped, never waited for."""

    enabled: Final = True

    def __init__(
        self,
        tracing_settings: TracingSettings,
        *,
        process_name: str,
        version: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        resource = Resource.create({"service.name": f"exemplar-{process_name}", "service.version": version})
        self._provider = TracerProvider(
            sampler=_Sampler(tracing_settings.ratio, chance),
            resource=resource,
            shutdown_on_exit=False,
            span_limits=_LIMITS,
        )
        exporter = OTLPSpanExporter(endpoint=tracing_settings.url, headers=_headers(tracing_settings))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("exemplar", version)

    @contextmanager
    def span(
        self, name: str, kind: Kind = "internal", *, parent: str | None = None, attributes: Attributes = NOTHING
    ) -> Iterator[Span]:
        context = _context_of(parent)
        if kind != "server" and not _span_context(context).is_valid:
            yield _UNTRACED
            return
        begun = self._tracer.start_as_current_span(
            name,
            context,
            _KINDS[kind],
            dict(attributes),
            record_exception=False,  # its text may contain what a tenant wrote
            set_status_on_exception=False,
        )
        with begun as span:
            told = _Span(span)
            try:
                yield told
            except BaseException as error:
                told.fail(type(error).__name__)
                raise

    @contextmanager
    def within(self, traceparent: str | None) -> Iterator[None]:
        token = contexts.attach(_context_of(traceparent))
        try:
            yield
        finally:
            contexts.detach(token)

    def traceparent(self) -> str | None:
        found = _span_context(contexts.get_current())
        if not found.is_valid:
            return None
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags & TraceFlags.SAMPLED:02x}"

    def close(self) -> None:
        """Export what is left, within the exporter's time-out."""
        self._provider.shutdown()


class _Span:
    """A span of the library as the port has it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def fail(self, reason: str) -> None:
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))


_UNTRACED: Final[Span] = _Span(trace.INVALID_SPAN)


class _Sampler(Sampler):
    """Choose a share of the requests by chance; what they lead to follows them.

    Neither the flag nor the trace id of a client decides, because both are theirs to choose.
    """

    def __init__(self, ratio: float, chance: Callable[[], float]) -> None:
        self._ratio, self._chance = ratio, chance

    def should_sample(  # noqa: PLR0917 - the library's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: AnyAttributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if kind is SpanKind.SERVER:
            chosen = self._chance() < self._ratio
        else:
            chosen = _span_context(parent_context).trace_flags.sampled
        return SamplingResult(Decision.RECORD_AND_SAMPLE if chosen else Decision.DROP, attributes)

    def get_description(self) -> str:
        return f"Requests{{{self._ratio}}}"


def _span_context(context: Context | None) -> SpanContext:
    return trace.get_current_span(context).get_span_context()


def _context_of(traceparent: str | None) -> Context:
    """Return the current context, or that of a traceparent where there is no span of the same trace in it."""
    current = contexts.get_current()
    told = _read(traceparent)
    if told is None or _span_context(current).trace_id == told.trace_id:
        return current
    return trace.set_span_in_context(NonRecordingSpan(told), current)


def _read(traceparent: str | None) -> SpanContext | None:
    """Read a traceparent of an event or of a message; None for what is none."""
    try:
        _, trace_id, span_id, flags = (traceparent or "").split("-")
        found = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    except ValueError:
        return None
    return found if found.is_valid else None


def _headers(tracing_settings: TracingSettings) -> dict[str, str] | None:
    """Read `name=value,name=value`, percent-encoded as the specification has it."""
    if tracing_settings.headers is None:
        return None
    pairs = [pair.partition("=") for pair in tracing_settings.headers.get_secret_value().split(",")]
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs if value}
