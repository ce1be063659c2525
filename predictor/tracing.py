"""What a request has to do with a trace (W3C): who begins and ends its span, and what its ids are.

Where nobody collects spans none is made, but the trace that the caller began is known to the log all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from predictor.telemetry import RequestRecord

_W3C = TraceContextTextMapPropagator()
_HEADERS = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True)
class Traced:
    """A request's place in a trace: its own ids, and those of the span that it stands below."""

    context: SpanContext
    parent: SpanContext | None = None

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of the trace and of the span, as they are written."""
        return f"{self.context.trace_id:032x}", f"{self.context.span_id:016x}"


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
        _, parent = callers(headers)
        return None if parent is None else Traced(parent)

    def end(self, traced: Traced | None, record: RequestRecord, began: float, at: float) -> None:
        """See `Tracing`."""

    def close(self) -> None:
        """See `Tracing`."""


def callers(headers: Mapping[str, str]) -> tuple[Context | None, SpanContext | None]:
    """The span that the caller names, as a context and by itself; None where it names none, or badly."""
    if "traceparent" not in headers:
        return None, None
    # A plain dict of what is read: looking through a request's headers by name costs as much as the parsing.
    context = _W3C.extract({name: headers[name] for name in _HEADERS if name in headers})
    parent = get_current_span(context).get_span_context()
    return (context, parent) if parent.is_valid else (None, None)
