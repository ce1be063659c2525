"""What is noted of each request: metrics, a sample for the window statistics, and one log line that says it all."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from mlops.monitoring.statistics import Sample
from mlops.monitoring.traffic_log import DEPTH, ServedRequest
from predictor.problems import KINDS
from predictor.tracing import NoTracing, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops.monitoring.collector import MetricsCollector
    from mlops.monitoring.traffic_log import TrafficLog
    from mlops.recommendation import Answer, ServedModel
    from predictor.instruments import Instruments
    from predictor.tracing import Tracing

# Routes that answer a query; only these count in the window statistics.
RECOMMENDING = frozenset({"/recommend", "/v1/models/{model}:predict", "/v2/models/{model}/infer", "ModelInfer"})
# Routes that machines ask every few seconds; logged only where they fail.
PROBES = frozenset({"/", "/health", "/metrics", "/v1/models/{model}", "/v2/health/ready", "/v2/health/live",
                    "/v2/models/{model}/ready"})  # fmt: skip

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_OVERLOADED = 429
_CLIENT_FAULT = 400
_SERVER_FAULT = 500
_CLIENT_GONE = 499  # nginx's code for it; no answer was sent, so no standard one exists

_log = structlog.stdlib.get_logger("app")


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """Fills up while a request is handled. `user` is a hash; a query's text is never in it.

    `language` and `words`, how many, are of a batch's first query. `trace` holds the ids of the trace and of the span
    that it belongs to. `computing_seconds` is what computing an answer took that came from memory now: a version is
    judged by that too, and not by how warm its memory is.
    """

    request_id: str
    route: str
    method: str
    status: int | None = None
    error: str | None = None
    trace: tuple[str, str] | None = None
    computing_seconds: float | None = None
    model: str | None = None
    version: str | None = None
    user: str | None = None
    languages: set[str] = field(default_factory=set)
    language: str | None = None
    words: int | None = None
    queries: int = 0
    hits: int = 0
    untranslated: int = 0
    recommendation_ids: list[str] = field(default_factory=list)
    shown: list[tuple[str, ...]] = field(default_factory=list)
    top_scores: list[float | None] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    started: float = 0.0
    seconds: float = 0.0

    def served_by(self, served: ServedModel) -> None:
        """Note which model answers."""
        self.model, self.version = served.name, served.version

    def answered(self, recommendation_id: str, answer: Answer) -> None:
        """Add one answer; the phases of a batch add up."""
        self.recommendation_ids.append(recommendation_id)
        self.shown.append(tuple(hit.id for hit in answer.hits[:DEPTH]))
        self.top_scores.append(answer.hits[0].score if answer.hits else None)
        self.results.append(len(answer.hits))
        self.queries += 1
        self.hits += len(answer.hits)
        self.untranslated += not answer.translated
        self.language = self.language or answer.language
        self.languages.add(answer.language)
        for phase, milliseconds in answer.timings.items():
            self.phases[phase] = self.phases.get(phase, 0.0) + milliseconds

    @property
    def judged_seconds(self) -> float:
        """What the request counts with, in all that compares versions or times."""
        return self.seconds + (self.computing_seconds or 0.0)

    @property
    def ranking(self) -> float | None:
        """Milliseconds of searching and ranking together; None where neither happened."""
        parts = [self.phases[phase] for phase in ("search", "rank") if phase in self.phases]
        return sum(parts) if parts else None


_CURRENT: ContextVar[RequestRecord] = ContextVar("request_record")


def request_id_from(given: str, new_id: Callable[[], str]) -> str:
    """Keep the id that a client sent along if it is fit for logs and headers, else make one."""
    return given if _REQUEST_ID.fullmatch(given) else new_id()


def current_record() -> RequestRecord:
    """Return the record of the request that this task handles.

    Raises LookupError outside of `Telemetry.request`.
    """
    return _CURRENT.get()


class Telemetry:
    """Notes every request once it is over. `clock` returns Unix seconds, `timer` monotonic ones.

    `traffic` is told of the requests that a version answered or failed, where somebody keeps count of it.
    """

    def __init__(
        self,
        instruments: Instruments,
        collector: MetricsCollector,
        traffic: TrafficLog | None,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        tracing: Tracing | None = None,
    ) -> None:
        self._instruments = instruments
        self._quiet = NoTracing()
        self._tracing = tracing or self._quiet
        self._collector = collector
        self._traffic = traffic
        self._clock = clock
        self._timer = timer

    @contextmanager
    def request(
        self, *, request_id: str, route: str, method: str, headers: Mapping[str, str]
    ) -> Iterator[RequestRecord]:
        """Time a request to the end of the block, within which `current_record` returns its record."""
        record = RequestRecord(request_id=request_id, route=route, method=method, started=self._timer())
        tracing = self._quiet if route in PROBES else self._tracing
        span = tracing.begin(f"{method} {route}", headers, self._clock())
        record.trace = trace_of(span)
        token = _CURRENT.set(record)
        self._instruments.inflight.inc()
        try:
            yield record
        finally:
            record.seconds = self._timer() - record.started
            self._instruments.inflight.dec()
            _CURRENT.reset(token)
            self._end(record)
            tracing.end(span, record, self._clock())

    def received(self, record: RequestRecord) -> None:
        """Start the time anew: the whole request is here, and a slow client is no slow service."""
        record.started = self._timer()

    def _end(self, record: RequestRecord) -> None:
        if record.status is None:
            record.status, record.error = _CLIENT_GONE, "disconnected"
        if record.status >= _CLIENT_FAULT and record.error is None:
            record.error = _kind_of(record.status)
        self._measure(record, record.status)
        _write_line(record, record.status)

    def _measure(self, record: RequestRecord, status: int) -> None:
        instruments = self._instruments
        trace = record.trace[0] if record.trace is not None else None
        instruments.observe(record.route, status, record.version, record.judged_seconds, trace)
        if record.computing_seconds is not None:
            instruments.remembered.inc()
        if record.error is not None:
            instruments.errors.labels(record.error).inc()
        if record.untranslated:
            instruments.untranslated.inc(record.untranslated)
        if record.version is not None:
            for results, top_score in zip(record.results, record.top_scores, strict=True):
                instruments.answered(record.version, results, top_score)
        phases = ((instruments.translation, record.phases.get("translate")),
                  (instruments.embedding, record.phases.get("embed")),
                  (instruments.ranking, record.ranking))  # fmt: skip
        for histogram, milliseconds in phases:
            if milliseconds is not None:
                histogram.observe(milliseconds / 1000)
        if record.route in RECOMMENDING:
            self._collector.record(
                Sample(
                    at=self._clock(),
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
            self._keep(record, status)

    def _keep(self, record: RequestRecord, status: int) -> None:
        """Tell the traffic log. A version answers for its own faults, not for overload and not for its clients."""
        if self._traffic is None or record.version is None or _CLIENT_FAULT <= status < _SERVER_FAULT:
            return
        failed = status >= _SERVER_FAULT
        self._traffic.record(
            ServedRequest(
                at=self._clock(),
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


def _write_line(record: RequestRecord, status: int) -> None:
    failed = status >= _SERVER_FAULT or status == _OVERLOADED
    write = _log.warning if failed else _log.debug if record.route in PROBES else _log.info
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
        line |= {"model": record.model, "version": record.version}
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
    write("request", **line)
