"""What is noted of a request that is over: metrics, a sample for the window statistics, one line that says it all."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mlops.monitoring.statistics import Sample
from mlops.monitoring.traffic_log import ServedRequest
from predictor.problems import KINDS

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from mlops.canonical_lines import CanonicalLines
    from mlops.monitoring.collector import MetricsCollector
    from mlops.monitoring.traffic_log import TrafficLog
    from predictor.instruments import Instruments
    from predictor.request_record import RequestRecord
    from predictor.tracing import Traced, Tracing

# Routes that answer a query; only these count in the window statistics.
RECOMMENDING = frozenset({"/recommend", "/v1/models/{model}:predict", "/v2/models/{model}/infer", "ModelInfer"})
# Routes that machines ask every few seconds; logged only where they fail.
PROBES = frozenset({"/", "/health", "/metrics", "/models/{model}/rollout", "/v1/models/{model}", "/v2/health/ready",
                    "/v2/health/live", "/v2/models/{model}/ready"})  # fmt: skip

_OVERLOADED = 429
_CLIENT_FAULT = 400
_SERVER_FAULT = 500
_CLIENT_GONE = 499  # nginx's code for it; no answer was sent, so no standard one exists


class Ended(NamedTuple):
    """A request that is over, from `began` to `at` (Unix seconds); nobody changes its record any more."""

    record: RequestRecord
    status: int
    began: float
    at: float
    traced: Traced | None
    tracing: Tracing

    @property
    def context(self) -> SpanContext | None:
        """That of the span that is made of it, if one is; OpenTelemetry's processor asks for it by this name."""
        return None if self.traced is None else self.traced.context


class Noting:
    """Notes requests that are over.

    `traffic` is told of the requests that a version answered or failed, where somebody keeps count of it.
    """

    def __init__(
        self, instruments: Instruments, collector: MetricsCollector, traffic: TrafficLog | None, lines: CanonicalLines
    ) -> None:
        self._instruments = instruments
        self._collector = collector
        self._traffic = traffic
        self._lines = lines

    def at_once(self, record: RequestRecord, at: float) -> int:
        """Note what the next request may ask for, and complete the record; return its status."""
        if record.status is None:
            record.status, record.error = _CLIENT_GONE, "disconnected"
        status = record.status
        if status >= _CLIENT_FAULT and record.error is None:
            record.error = _kind_of(status)
        if record.route in RECOMMENDING:
            self._sample(record, status, at)
            self._keep(record, status, at)
        return status

    def afterwards(self, ended: Ended) -> None:
        """Note the rest: metrics, the line and the span, which may come a little later."""
        record, status = ended.record, ended.status
        sampled = ended.traced is not None and ended.traced.sampled
        self._measure(record, status, ended.at, sampled=sampled)
        self._lines.write(_level(record, status), "request", ended.at, partial(_line, record, status))
        ended.tracing.end(ended)

    def _measure(self, record: RequestRecord, status: int, at: float, *, sampled: bool) -> None:
        instruments = self._instruments
        # A trace that nobody keeps leads nowhere.
        trace = record.trace[0] if record.trace is not None and sampled else None
        instruments.observe(record.route, status, record.version, record.judged_seconds, at, trace)
        if record.computing_seconds is not None:
            instruments.remembered.inc()
        if record.error is not None:
            instruments.errors.labels(record.error).inc()
        if record.untranslated:
            instruments.untranslated.inc(record.untranslated)
        if record.version is not None:
            for results, top_score in zip(record.results, record.top_scores, strict=True):
                instruments.answered(record.version, results, top_score)
        phases = record.phases
        translation, embedding, ranking = phases.get("translate"), phases.get("embed"), record.ranking
        if translation is not None:
            instruments.translation.observe(translation / 1000)
        if embedding is not None:
            instruments.embedding.observe(embedding / 1000)
        if ranking is not None:
            instruments.ranking.observe(ranking / 1000)

    def _sample(self, record: RequestRecord, status: int, at: float) -> None:
        self._collector.record(
            Sample(
                at=at,
                failed=status >= _SERVER_FAULT,
                api_latency_ms=record.judged_seconds * 1000,
                translation_latency_ms=record.phases.get("translate"),
                embedding_latency_ms=record.phases.get("embed"),
                ranking_latency_ms=record.ranking,
                num_recipes=record.hits if record.queries else None,
                top_score=record.top_scores[0] if record.top_scores else None,
                language=record.language,
                words=record.words,
            )
        )

    def _keep(self, record: RequestRecord, status: int, at: float) -> None:
        """Tell the traffic log. A version answers for its own faults, not for overload and not for its clients."""
        if self._traffic is None or record.version is None or _CLIENT_FAULT <= status < _SERVER_FAULT:
            return
        failed = status >= _SERVER_FAULT
        self._traffic.record(
            ServedRequest(
                at=at,
                version=record.version,
                failed=failed,
                latency_ms=record.judged_seconds * 1000,
                recommendation_ids=() if failed else tuple(record.recommendation_ids),
                hits=() if failed else tuple(record.shown),
                top_scores=() if failed else tuple(record.top_scores),
                user=record.user,
            )
        )


def _kind_of(status: int) -> str:
    """Name an answer that KServe refused by itself."""
    return next((kind for kind, (code, _) in KINDS.items() if code == status), "invalid")


def _level(record: RequestRecord, status: int) -> int:
    if status >= _SERVER_FAULT or status == _OVERLOADED:
        return logging.WARNING
    return logging.DEBUG if record.route in PROBES else logging.INFO


def _line(record: RequestRecord, status: int) -> dict[str, object]:
    line: dict[str, object] = {
        "request_id": record.request_id,
        "route": record.route,
        "method": record.method,
        "status": status,
        "ms": round(record.seconds * 1000, 3),
    }
    if record.trace is not None:
        line["trace_id"], line["span_id"] = record.trace
    if record.error is not None:
        line["error"] = record.error
    if record.version is not None:
        line["model"], line["version"] = record.model, record.version
    if record.user is not None:
        line["user"] = record.user
    if record.queries:
        line |= {
            "queries": record.queries,
            "hits": record.hits,
            "language": "+".join(sorted(record.languages)),
            "untranslated": record.untranslated,
            "recommendation_ids": record.recommendation_ids,
            "phases_ms": {phase: round(milliseconds, 3) for phase, milliseconds in record.phases.items()},
        }
    return line
