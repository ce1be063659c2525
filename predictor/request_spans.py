"""Spans of requests with the phases of their answers, for a collector.

The SDK's own way from `start_span` to `end` costs 35 µs a span, six times a request. So a request that is sampled
leaves behind what is known of it, and its span and those of its phases are made where spans are sent, in the
exporter's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from predictor.tracing import Traced, callers, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from predictor.noting import Ended
    from predictor.request_record import RequestRecord

# In the order in which an answer goes through them.
PHASES = ("translate", "embed", "search", "rank", "assemble")
_SERVER_FAULT = 500
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class RequestTracing:
    """Hands spans to an exporter in the background: one that does not keep up loses spans and holds up nobody.

    Sampling, limits and the name of the service are OpenTelemetry's own `OTEL_…` variables.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        provider = TracerProvider()
        self._ids: IdGenerator = provider.id_generator
        self._sampler = provider.sampler
        self._processor = BatchSpanProcessor(_Spans(exporter, self._ids, provider.resource))

    def begin(self, name: str, headers: Mapping[str, str]) -> Traced:
        """See `Tracing`."""
        context, parent = callers(headers)
        trace = self._ids.generate_trace_id() if parent is None else parent.trace_id
        sampled = self._sampler.should_sample(context, trace, name, SpanKind.SERVER)
        own = self._ids.generate_span_id()
        if sampled.decision is not Decision.RECORD_AND_SAMPLE:
            return Traced(written(trace, own), sampled=False)
        return Traced.of(SpanContext(trace, own, False, _SAMPLED, sampled.trace_state), parent)

    def end(self, ended: Ended) -> None:
        """See `Tracing`. Phases are laid one behind the other up to its end: what each took is measured, not when."""
        if ended.context is not None:  # of those that are sampled alone
            self._processor.on_end(ended)  # type: ignore[arg-type] # which asks a span for its context alone

    def close(self) -> None:
        """See `Tracing`."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


class _Spans(SpanExporter):
    """Makes spans of requests that are over, with those of their phases below, and hands them to `exporter`."""

    def __init__(self, exporter: SpanExporter, ids: IdGenerator, resource: Resource) -> None:
        self._exporter = exporter
        self._ids = ids
        self._resource = resource

    def export(self, spans: Sequence[Ended]) -> SpanExportResult:  # type: ignore[override] # what `end` hands in
        return self._exporter.export([each for ended in spans for each in self._whole(ended)])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _whole(self, ended: Ended) -> Iterator[ReadableSpan]:
        record, traced, end = ended.record, ended.traced, _nanoseconds(ended.at)
        assert traced is not None and traced.context is not None  # noqa: S101, PT018 - `end` has asked
        yield ReadableSpan(
            f"{record.method} {record.route}",
            context=traced.context,
            parent=traced.parent,
            resource=self._resource,
            attributes=_attributes(record),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR, record.error) if ended.status >= _SERVER_FAULT else Status(),
            start_time=_nanoseconds(ended.began),
            end_time=end,
        )
        taken = [(phase, _nanoseconds(record.phases[phase] / 1000)) for phase in PHASES if phase in record.phases]
        began = end - sum(nanoseconds for _, nanoseconds in taken)
        for phase, nanoseconds in taken:
            own = SpanContext(traced.context.trace_id, self._ids.generate_span_id(), False, _SAMPLED)
            yield ReadableSpan(phase, context=own, parent=traced.context, resource=self._resource, start_time=began,
                               end_time=began + nanoseconds)  # fmt: skip
            began += nanoseconds


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
