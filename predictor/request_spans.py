"""Spans of requests with the phases of their answers, for a collector. Alone in importing OpenTelemetry's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

    from predictor.telemetry import RequestRecord

# In the order in which an answer goes through them.
PHASES = ("translate", "embed", "search", "rank", "assemble")
_SERVER_FAULT = 500


class RequestTracing:
    """Hands spans to an exporter in the background: one that does not keep up loses spans and holds up nobody.

    Sampling, limits and the name of the service are OpenTelemetry's own `OTEL_…` variables.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider()
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("recipe-recommender")

    def begin(self, name: str, headers: Mapping[str, str], at: float) -> Span:
        """See `Tracing`."""
        context = extract(headers) if "traceparent" in headers else None
        return self._tracer.start_span(name, context=context, kind=SpanKind.SERVER, start_time=_nanoseconds(at))

    def end(self, span: Span, record: RequestRecord, at: float) -> None:
        """See `Tracing`. Phases are laid end to end up to `at`: how long each took is measured, not when it began."""
        if span.is_recording():
            self._describe(span, record, at)
        span.end(end_time=_nanoseconds(at))

    def close(self) -> None:
        """See `Tracing`."""
        self._provider.shutdown()

    def _describe(self, span: Span, record: RequestRecord, at: float) -> None:
        span.set_attributes({
            "http.request.method": record.method, "http.route": record.route,
            "http.response.status_code": record.status or 0, "recipes.request_id": record.request_id,
            "recipes.queries": record.queries, "recipes.results": record.hits,
        })  # fmt: skip
        for name, value in (("recipes.model", record.model), ("recipes.version", record.version),
                            ("error.type", record.error)):  # fmt: skip
            if value is not None:
                span.set_attribute(name, value)
        if (record.status or 0) >= _SERVER_FAULT:
            span.set_status(Status(StatusCode.ERROR, record.error))
        context = set_span_in_context(span)
        taken = [(phase, _nanoseconds(record.phases[phase] / 1000)) for phase in PHASES if phase in record.phases]
        began = _nanoseconds(at) - sum(nanoseconds for _, nanoseconds in taken)
        for phase, nanoseconds in taken:
            part = self._tracer.start_span(phase, context=context, start_time=began)
            began += nanoseconds
            part.end(end_time=began)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
