"""Spans of requests with the phases of their answers, for a collector.

The SDK's own way from `start_span` to `end` costs 35 µs a span, six times a request. So a request that is sampled
leaves one finished span behind, and those of its phases are made where spans are sent, in the exporter's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from predictor.tracing import Traced, callers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from predictor.telemetry import RequestRecord

# In the order in which an answer goes through them.
PHASES = ("translate", "embed", "search", "rank", "assemble")
_SERVER_FAULT = 500
_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)


class RequestTracing:
    """Hands spans to an exporter in the background: one that does not keep up loses spans and holds up nobody.

    Sampling, limits and the name of the service are OpenTelemetry's own `OTEL_…` variables.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        provider = TracerProvider()
        self._ids: IdGenerator = provider.id_generator
        self._sampler = provider.sampler
        self._resource = provider.resource
        self._processor = BatchSpanProcessor(_WithPhases(exporter, self._ids))

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced:
        """See `Tracing`."""
        context, parent = callers(headers)
        trace = self._ids.generate_trace_id() if parent is None else parent.trace_id
        sampled = self._sampler.should_sample(context, trace, name, SpanKind.SERVER)
        flags = _SAMPLED if sampled.decision is Decision.RECORD_AND_SAMPLE else _NOT_SAMPLED
        own = SpanContext(trace, self._ids.generate_span_id(), False, flags, sampled.trace_state)
        return Traced.of(own, parent)

    def end(self, traced: Traced | None, record: RequestRecord, began: float, at: float) -> None:
        """See `Tracing`. Phases are laid end to end up to `at`: how long each took is measured, not when it began."""
        if traced is None or traced.context is None or not traced.sampled:
            return
        span = _RequestSpan(
            f"{record.method} {record.route}",
            context=traced.context,
            parent=traced.parent,
            resource=self._resource,
            attributes=_attributes(record),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR, record.error) if (record.status or 0) >= _SERVER_FAULT else Status(),
            start_time=_nanoseconds(began),
            end_time=_nanoseconds(at),
        )
        span.phases = record.phases
        self._processor.on_end(span)

    def close(self) -> None:
        """See `Tracing`."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


class _RequestSpan(ReadableSpan):
    """The span of a request; `phases` are milliseconds by name."""

    phases: Mapping[str, float]


class _WithPhases(SpanExporter):
    """Exports requests' spans with those of their phases below."""

    def __init__(self, exporter: SpanExporter, ids: IdGenerator) -> None:
        self._exporter = exporter
        self._ids = ids

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([each for span in spans for each in (span, *self._phases(span))])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _phases(self, span: ReadableSpan) -> list[ReadableSpan]:
        context = span.context
        if not isinstance(span, _RequestSpan) or context is None or span.end_time is None:
            return []
        taken = [(phase, _nanoseconds(span.phases[phase] / 1000)) for phase in PHASES if phase in span.phases]
        began = span.end_time - sum(nanoseconds for _, nanoseconds in taken)
        found: list[ReadableSpan] = []
        for phase, nanoseconds in taken:
            own = SpanContext(context.trace_id, self._ids.generate_span_id(), False, _SAMPLED)
            found.append(
                ReadableSpan(phase, context=own, parent=context, resource=span.resource, start_time=began,
                             end_time=began + nanoseconds)
            )  # fmt: skip
            began += nanoseconds
        return found


def _attributes(record: RequestRecord) -> dict[str, str | int]:
    known: dict[str, str | int] = {
        "http.request.method": record.method, "http.route": record.route,
        "http.response.status_code": record.status or 0, "recipes.request_id": record.request_id,
        "recipes.queries": record.queries, "recipes.results": record.hits,
    }  # fmt: skip
    if record.version is not None:
        known["recipes.model"], known["recipes.version"] = record.model or "", record.version
    if record.error is not None:
        known["error.type"] = record.error
    return known


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
