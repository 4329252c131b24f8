"""The port through which every package traces its work, and the one that traces nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, Protocol

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | bool]
"""What is told of a piece of work: no text of a tenant, and no id of a person."""

NOTHING: Final[Attributes] = {}


class Span(Protocol):
    """A piece of work under way."""

    def note(self, attributes: Attributes) -> None:
        """Add what became known meanwhile."""

    def fail(self, reason: str) -> None:
        """Say that the work failed: a code, or the name of an exception, never its text."""


class Tracer(Protocol):
    """Measure pieces of work as spans of traces. `traceparent` is that of W3C Trace Context, valid or None."""

    @property
    def enabled(self) -> bool:
        """Tell whether anything is traced: what costs work of its own is left out where nothing is."""
        ...

    def span(
        self, name: str, kind: Kind = "internal", *, parent: str | None = None, attributes: Attributes = NOTHING
    ) -> AbstractContextManager[Span]:
        """Measure the work inside the block, which fails with the exception that leaves it.

        It is part of the current span, or of `parent` where there is none or that is of another trace. Only a `server`
        begins a trace, and decides whether it is exported; any other work without a trace is not traced.
        """
        ...

    def within(self, traceparent: str | None) -> AbstractContextManager[None]:
        """Make the span that another process told the current one, inside the block."""
        ...

    def traceparent(self) -> str | None:
        """Return the current span, to be told to others; None outside of a trace."""
        ...


class _NoSpan:
    def note(self, attributes: Attributes) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


_NO_SPAN: Final[AbstractContextManager[Span]] = nullcontext(_NoSpan())
_NOWHERE: Final[AbstractContextManager[None]] = nullcontext()


class NoTracer:
    """Trace nothing."""

    enabled: Final = False

    def span(
        self, name: str, kind: Kind = "internal", *, parent: str | None = None, attributes: Attributes = NOTHING
    ) -> AbstractContextManager[Span]:
        return _NO_SPAN

    def within(self, traceparent: str | None) -> AbstractContextManager[None]:
        return _NOWHERE

    def traceparent(self) -> str | None:
        return None


NO_TRACER: Final[Tracer] = NoTracer()
