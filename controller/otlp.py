"""Spans to an OpenTelemetry collector, in the background: one that is down costs spans and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from opentelemetry.sdk.trace.export import SpanExporter

    from controller.spans import Span

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Traces:
    """Sends by `exporter`. Nothing is sampled here: of a rollout there are a dozen spans, and each is kept."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._processor = BatchSpanProcessor(exporter)
        self._resource = Resource.create()

    def send(self, spans: Sequence[Span]) -> None:
        """Hand over what has ended."""
        for span in spans:
            self._processor.on_end(self._readable(span))

    def close(self) -> None:
        """Send what is left."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        def context(number: int) -> SpanContext:
            return SpanContext(span.trace, number, is_remote=False, trace_flags=_SAMPLED)

        return ReadableSpan(
            span.name,
            context=context(span.id),
            parent=None if span.parent is None else context(span.parent),
            resource=self._resource,
            attributes=dict(span.attributes),
            links=_links(span.link),
            status=Status(StatusCode.ERROR if span.failed else StatusCode.OK),
            start_time=_nanoseconds(span.start),
            end_time=_nanoseconds(span.end),
        )


def _links(traceparent: str | None) -> list[Link]:
    """The span that is named, if any can be read out of it: a version's lineage is written by anybody."""
    if traceparent is None:
        return []
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    named = get_current_span(context).get_span_context()
    return [Link(named)] if named.is_valid else []


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
