"""What a request has to do with a trace (W3C): who begins and ends its span, and what its ids are.

Where nobody collects spans none is made, but the trace that the caller began is known to the log all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from predictor.telemetry import RequestRecord

_SAMPLED = 1  # the lowest bit of the flags
# As W3C has it: a version other than ff, ids that are not all zeros, and what later versions may add. OpenTelemetry's
# propagator reads the same; among answers that turn over the processor's caches it was half of what noting costs.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$")


@dataclass(frozen=True, slots=True)
class Traced:
    """A request's place in a trace: the ids of the trace and of a span, as they are written, and whether it is kept.

    Where a span is made of it, `context` is its own, and `parent` that of the span that it stands below.
    """

    ids: tuple[str, str]
    sampled: bool
    context: SpanContext | None = None
    parent: SpanContext | None = None

    @classmethod
    def below(cls, parent: SpanContext | None, context: SpanContext) -> Traced:
        """The place of a span of our own."""
        ids = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        return cls(ids, context.trace_flags.sampled, context, parent)


class Tracing(Protocol):
    """Makes a span of a request, if anybody wants it."""

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced | None:
        """Give a request called `name` its place; None where it is in no trace."""
        ...

    def end(self, traced: Traced | None, record: RequestRecord, began: float, at: float) -> None:
        """Make the span from `began` to `at` (Unix seconds), with what is known of the request."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracing:
    """Makes none; the caller's own span stands for the trace."""

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced | None:  # noqa: ARG002 - as the port has it
        """See `Tracing`."""
        found = _TRACEPARENT.match(headers.get("traceparent", ""))
        return None if found is None else Traced((found[1], found[2]), bool(int(found[3], 16) & _SAMPLED))

    def end(self, traced: Traced | None, record: RequestRecord, began: float, at: float) -> None:
        """See `Tracing`."""

    def close(self) -> None:
        """See `Tracing`."""


def callers(headers: Mapping[str, str]) -> tuple[Context | None, SpanContext | None]:
    """The span that the caller names, as a context and by itself; None where it names none, or badly."""
    found = _TRACEPARENT.match(headers.get("traceparent", ""))
    if found is None:
        return None, None
    state = TraceState.from_header([headers["tracestate"]]) if "tracestate" in headers else None
    parent = SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16)), state)
    return set_span_in_context(NonRecordingSpan(parent)), parent
