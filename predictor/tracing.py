"""What a request has to do with a trace (W3C): who begins and ends its span, and what its ids are.

Where nobody collects spans none is made, but the trace that the caller began is known to the log all the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from predictor.noting import Ended

_W3C = TraceContextTextMapPropagator()
_HEADERS = ("traceparent", "tracestate")
_SAMPLED = 1  # the lowest bit of the flags
# What nearly everybody sends, of which the propagator would make the same; everything else is the propagator's. Among
# answers that turn over the processor's caches it was a quarter of what noting a request cost.
_PLAIN = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class Traced(NamedTuple):
    """A request's place in a trace: the ids of the trace and of a span, as they are written, and whether it is kept.

    Where a span is made of it, `context` is its own, and `parent` that of the span that it stands below.
    """

    ids: tuple[str, str]
    sampled: bool
    context: SpanContext | None = None
    parent: SpanContext | None = None

    @classmethod
    def of(cls, context: SpanContext, parent: SpanContext | None = None) -> Traced:
        """The place of the span of `context`."""
        return cls(written(context.trace_id, context.span_id), context.trace_flags.sampled, context, parent)


def written(trace: int, span: int) -> tuple[str, str]:
    """The ids of a trace and of a span as logs and headers have them."""
    return f"{trace:032x}", f"{span:016x}"


class Tracing(Protocol):
    """Makes a span of a request, if anybody wants it."""

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced | None:
        """Give a request called `name` its place; None where it is in no trace."""
        ...

    def end(self, ended: Ended) -> None:
        """Make the span of a request that is over, with what is known of it."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracing:
    """Makes none; the caller's own span stands for the trace."""

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced | None:  # noqa: ARG002 - as the port has it
        """See `Tracing`."""
        if (named := headers.get("traceparent")) is None:
            return None
        if found := _PLAIN.fullmatch(named):
            return Traced((found[1], found[2]), bool(int(found[3], 16) & _SAMPLED))
        _, parent = callers(headers)
        return None if parent is None else Traced.of(parent)

    def end(self, ended: Ended) -> None:
        """See `Tracing`."""

    def close(self) -> None:
        """See `Tracing`."""


def callers(headers: Mapping[str, str]) -> tuple[Context | None, SpanContext | None]:
    """The span that the caller names, as a context and by itself; None where it names none, or badly."""
    if (named := headers.get("traceparent")) is None:
        return None, None
    if "tracestate" not in headers and (found := _PLAIN.fullmatch(named)):
        parent = SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16)))
        return set_span_in_context(NonRecordingSpan(parent)), parent
    # A plain dict of what is read: looking through a request's headers by name costs as much as the parsing.
    context = _W3C.extract({name: headers[name] for name in _HEADERS if name in headers})
    parent = get_current_span(context).get_span_context()
    return (context, parent) if parent.is_valid else (None, None)
