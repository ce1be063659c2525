"""What is noted of each request: metrics, a sample for the window statistics, and one log line that says it all."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.canonical_lines import PlainLines
from mlops.monitoring.statistics import Sample
from mlops.monitoring.traffic_log import DEPTH, ServedRequest
from predictor.problems import KINDS
from predictor.tracing import NoTracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops.canonical_lines import CanonicalLines
    from mlops.monitoring.collector import MetricsCollector
    from mlops.monitoring.traffic_log import TrafficLog
    from mlops.recommendation import Answer, ServedModel
    from predictor.instruments import Instruments
    from predictor.tracing import Tracing

# Routes that answer a query; only these count in the window statistics.
RECOMMENDING = frozenset({"/recommend", "/v1/models/{model}:predict", "/v2/models/{model}/infer", "ModelInfer"})
# Routes that machines ask every few seconds; logged only where they fail.
PROBES = frozenset({"/", "/health", "/metrics", "/models/{model}/rollout", "/v1/models/{model}", "/v2/health/ready",
                    "/v2/health/live", "/v2/models/{model}/ready"})  # fmt: skip

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_OVERLOADED = 429
_CLIENT_FAULT = 400
_SERVER_FAULT = 500
_CLIENT_GONE = 499  # nginx's code for it; no answer was sent, so no standard one exists


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
        lines: CanonicalLines | None = None,
    ) -> None:
        self._instruments = instruments
        self._lines = lines or PlainLines("app")
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
        tracing, began = self._quiet if route in PROBES else self._tracing, self._clock()
        traced = tracing.begin(route, headers)
        if traced is not None:
            record.trace = traced.ids
        token = _CURRENT.set(record)
        self._instruments.inflight += 1
        try:
            yield record
        finally:
            record.seconds = self._timer() - record.started
            self._instruments.inflight -= 1
            _CURRENT.reset(token)
            at = self._clock()
            sampled = traced is not None and traced.sampled
            self._end(record, at, sampled=sampled)
            tracing.end(traced, record, began, at)

    def received(self, record: RequestRecord) -> None:
        """Start the time anew: the whole request is here, and a slow client is no slow service."""
        record.started = self._timer()

    def _end(self, record: RequestRecord, at: float, *, sampled: bool) -> None:
        if record.status is None:
            record.status, record.error = _CLIENT_GONE, "disconnected"
        if record.status >= _CLIENT_FAULT and record.error is None:
            record.error = _kind_of(record.status)
        self._measure(record, record.status, at, sampled=sampled)
        self._lines.write(_level(record, record.status), "request", at, _line(record, record.status))

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
        phases = ((instruments.translation, record.phases.get("translate")),
                  (instruments.embedding, record.phases.get("embed")),
                  (instruments.ranking, record.ranking))  # fmt: skip
        for histogram, milliseconds in phases:
            if milliseconds is not None:
                histogram.observe(milliseconds / 1000)
        if record.route in RECOMMENDING:
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
            self._keep(record, status, at)

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
