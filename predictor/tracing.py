"""What a request has to do with a trace (W3C): who begins and ends its span, and what its ids are.

Where nobody collects spans none is made, but the trace that the caller began is known to the log all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.propagate import extract
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from predictor.telemetry import RequestRecord


class Tracing(Protocol):
    """Makes a span of a request, if anybody wants it."""

    def begin(self, name: str, headers: Mapping[str, str], at: float) -> Span:
        """Begin the span at `at` (Unix seconds)."""
        ...

    def end(self, span: Span, record: RequestRecord, at: float) -> None:
        """End it at `at`, with what is known of the request."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracing:
    """Makes none; the caller's own span stands for the trace."""

    def begin(self, name: str, headers: Mapping[str, str], at: float) -> Span:  # noqa: ARG002 - as the port has it
        """See `Tracing`."""
        return get_current_span(extract(headers)) if "traceparent" in headers else INVALID_SPAN

    def end(self, span: Span, record: RequestRecord, at: float) -> None:
        """See `Tracing`."""

    def close(self) -> None:
        """See `Tracing`."""


def trace_of(span: Span) -> tuple[str, str] | None:
    """The ids of a span and of its trace, as they are written; None where there is neither."""
    context = span.get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None
