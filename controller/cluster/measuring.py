"""Questions to Prometheus about one version's live traffic, and what its answers come to. Pure.

Counts are those of `recipes_request_duration_seconds`, of the route that users ask. A request that the service failed
has a status of 500 or more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from controller.cluster.kinds import predictor_name
from controller.observation import Sample
from controller.resource.meta import version_name
from controller.sequential import Sorted, Tally, furthest, quantile_beside, share_beside
from mlops.monitoring.score_edges import SCORE_EDGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.cluster.key import Key
    from controller.resource.gate import Gate
    from controller.resource.policy import Query
    from controller.sequential import Bounds

METRIC = "recipes_request_duration_seconds"
SCORES = "recipes_top_score"
_ROUTE = "/recommend"
_FAILED = 'status=~"5.."'
_QUANTILES = {"latency-p50-ms": 0.5, "latency-p95-ms": 0.95, "latency-p99-ms": 0.99}
_DRIFT = "score-drift"
_MILLISECONDS = 1000.0
LEAST_WINDOW = 15
# Long enough for the usual scrape intervals, short enough to follow a rush.
_RATE_SECONDS = 120
# So much of its Deployment's name a pod bears at most: the API adds five letters, and a name has 63.
_POD_PREFIX = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is looked at: the pods of a model in a namespace, over the seconds before a moment.

    `called` is what the model is called in labels, where that is another name.
    """

    namespace: str
    model: str
    seconds: int
    called: str = ""

    @property
    def label(self) -> str:
        """What labels name the model."""
        return self.called or self.model

    @classmethod
    def between(cls, since: datetime, now: datetime, *, namespace: str, model: str, called: str = "") -> Window:
        """The whole seconds from `since` to `now`; a counter needs two scrapes, so never fewer than 15."""
        seconds = max(LEAST_WINDOW, math.ceil((now - since).total_seconds()))
        return cls(namespace=namespace, model=model, seconds=seconds, called=called)


def measurable(metric: str) -> bool:
    """Whether Prometheus can be asked for it."""
    return metric in {"error-rate", _DRIFT} or metric in _QUANTILES


def count_query(version: str, window: Window, *, failed: bool | None = None) -> str:
    """Return the query for how many requests a version answered: all, the failed, or those that were not."""
    return f"sum(increase({METRIC}_count{{{_selector(version, window, failed=failed)}}}[{window.seconds}s]))"


def value_query(metric: str, version: str, window: Window) -> str:
    """Return the query for a metric's value. Raises KeyError for one that is not measurable."""
    if metric == "error-rate":
        return f"({count_query(version, window, failed=True)} or vector(0)) / {count_query(version, window)}"
    return latency_query(_QUANTILES[metric], version, window)


def latency_query(level: float, version: str, window: Window) -> str:
    """Return the query for a quantile of the answered requests' latency, in ms; above level 1 it is infinite."""
    buckets = f"{METRIC}_bucket{{{_selector(version, window, failed=False)}}}[{window.seconds}s]"
    return f"{_MILLISECONDS:g} * histogram_quantile({level:.6g}, sum by (le) (increase({buckets})))"


def score_query(version: str, window: Window, edge: float | None = None) -> str:
    """Return the query for how many answers of a version had a first recipe: all, or those of a score up to an edge."""
    series = f"{SCORES}_count" if edge is None else f"{SCORES}_bucket"
    words = _of(version, window)
    if edge is not None:
        words.append(f'le="{edge}"')
    return f"sum(increase({series}{{{','.join(words)}}}[{window.seconds}s]))"


def feedback_query(model: str, namespace: str, since: datetime, now: datetime) -> str:
    """Return the query for how many feedbacks the pods of a model kept since a moment."""
    seconds = Window.between(since, now, namespace=namespace, model=model).seconds
    pods = f'namespace="{namespace}",pod=~"{model}-[0-9].*-predictor-.*"'
    return f"sum(increase(recipes_feedback_total{{{pods}}}[{seconds}s]))"


def rate_query(key: Key, version: str) -> str:
    """Return the query for how many requests a second the pods of a version answer, over the last two minutes."""
    window = Window(namespace=key.namespace, model=key.model, seconds=_RATE_SECONDS)
    return f"sum(rate({METRIC}_count{{{_selector(version, window, failed=None)}}}[{window.seconds}s]))"


def newest_query(version: str, window: Window) -> str:
    """Return the query for when the version was last scraped, in Unix seconds."""
    return f"max(timestamp({METRIC}_count{{{_selector(version, window, failed=None)}}}))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be known of a version, beside another one or none; `queries` and `alpha` are a Measure's."""

    version: str
    baseline: str | None
    window: Window
    queries: Sequence[Query] = ()
    alpha: float | None = None

    def measurable(self, metric: str) -> bool:
        """Whether Prometheus can be asked for it."""
        return measurable(metric) or any(query.metric == metric for query in self.queries)

    def about(self, metric: str, version: str) -> str:
        """Return the query for a metric's value. Raises KeyError for one that is not measurable."""
        for query in self.queries:
            if query.metric == metric:
                window = self.window
                return query.about(version, model=window.label, namespace=window.namespace, seconds=window.seconds)
        return value_query(metric, version, self.window)


def sample(gate: Gate, question: Question, ask: Callable[[str], float | None]) -> Sample:
    """Measure one gate's metric; `ask` answers an instant query, None where there is no such series."""
    if gate.metric == _DRIFT:
        return _scores(question, ask)
    version, window = question.version, question.window
    samples = ask(count_query(version, window, failed=False if gate.metric in _QUANTILES else None))
    newest = ask(newest_query(version, window))
    beside = question.baseline
    value = ask(question.about(gate.metric, version))
    baseline = None if beside is None else ask(question.about(gate.metric, beside))
    bounds = None if question.alpha is None else _bounds(gate.metric, question, question.alpha, ask)
    return Sample(
        metric=gate.metric,
        value=_decimal(value),
        baseline=_decimal(baseline),
        low=None if bounds is None else _decimal(bounds.low),
        high=None if bounds is None else _decimal(bounds.high),
        side=0 if bounds is None else bounds.side,
        samples=_whole(samples),
        newest=None if newest is None else datetime.fromtimestamp(newest, UTC),
    )


def samples(gates: Sequence[Gate], question: Question, ask: Callable[[str], float | None]) -> tuple[Sample, ...]:
    """Measure every gate whose metric is measurable here; the others have no sample, which never counts as a pass."""
    return tuple(sample(gate, question, ask) for gate in gates if question.measurable(gate.metric))


def _bounds(metric: str, question: Question, alpha: float, ask: Callable[[str], float | None]) -> Bounds | None:
    """Bounds of the value, given the baseline's where there is one; None for a query of one's own without a total.

    Counters, which Prometheus extrapolates, are rounded to whole requests.
    """
    version, beside, window = question.version, question.baseline, question.window
    if metric == "error-rate":
        found = _failures(version, window, ask)
        return share_beside(found, None if beside is None else _failures(beside, window, ask), alpha)
    if metric not in _QUANTILES:
        return _bounds_of_own(metric, question, alpha, ask)
    latencies = _latencies(version, window, ask)
    return quantile_beside(
        _QUANTILES[metric], latencies, None if beside is None else _latencies(beside, window, ask), alpha
    )


def _bounds_of_own(metric: str, question: Question, alpha: float, ask: Callable[[str], float | None]) -> Bounds | None:
    query = next(query for query in question.queries if query.metric == metric)
    if query.total is None:
        return None
    tallies = []
    for version in (question.version, question.baseline):
        if version is None:
            continue
        window = question.window
        counted, total = query.counts(version, model=window.label, namespace=window.namespace, seconds=window.seconds)
        count = _whole(ask(total or ""))
        tallies.append(Tally(min(_whole(ask(counted)), count), count))
    return share_beside(tallies[0], tallies[1] if len(tallies) > 1 else None, alpha)


def _scores(question: Question, ask: Callable[[str], float | None]) -> Sample:
    """How far the scores of first recipes are from those of the version beside it."""
    version, beside, window = question.version, question.baseline, question.window
    ours = _tallies(version, window, ask)
    theirs = [] if beside is None else _tallies(beside, window, ask)
    newest = ask(newest_query(version, window))
    known = bool(ours and theirs)
    value = (
        max((abs(our.mean - their.mean) for our, their in zip(ours, theirs, strict=True)), default=None)
        if known
        else None
    )
    bounds = furthest(ours, theirs, question.alpha) if known and question.alpha is not None else None
    return Sample(
        metric=_DRIFT,
        value=_decimal(value),
        low=None if bounds is None else _decimal(bounds.low),
        high=None if bounds is None else _decimal(bounds.high),
        samples=ours[0].count if ours else 0,
        newest=None if newest is None else datetime.fromtimestamp(newest, UTC),
    )


def _tallies(version: str, window: Window, ask: Callable[[str], float | None]) -> list[Tally]:
    """How many scores are at most at each edge; none where there are no scores."""
    count = _whole(ask(score_query(version, window)))
    if not count:
        return []
    return [Tally(min(_whole(ask(score_query(version, window, edge))), count), count) for edge in SCORE_EDGES]


def _latencies(version: str, window: Window, ask: Callable[[str], float | None]) -> Sorted:
    def at(level: float) -> float:
        value = ask(latency_query(level, version, window))
        return math.nan if value is None else value

    return Sorted(count=_whole(ask(count_query(version, window, failed=False))), at=at)


def _failures(version: str, window: Window, ask: Callable[[str], float | None]) -> Tally:
    count = _whole(ask(count_query(version, window)))
    return Tally(min(_whole(ask(count_query(version, window, failed=True))), count), count)


def _whole(count: float | None) -> int:
    return 0 if count is None or math.isnan(count) else round(count)


def _selector(version: str, window: Window, *, failed: bool | None) -> str:
    words = [*_of(version, window), f'route="{_ROUTE}"']
    if failed is not None:
        words.append(_FAILED if failed else _FAILED.replace("=~", "!~"))
    return ",".join(words)


def _of(version: str, window: Window) -> list[str]:
    pods = pods_of(version_name(window.model, version))
    return [f'namespace="{window.namespace}"', f'pod=~"{pods}"', f'version="{version}"']


def pods_of(served: str) -> str:
    """Return the pattern of the names of a version's pods: two models of a namespace may both have a 1.1.0."""
    return f"{predictor_name(served)}-"[:_POD_PREFIX] + ".*"


def _decimal(value: float | None) -> Decimal | None:
    """As many digits as mean something; "0 of 0" is NaN, and a bound may be infinite."""
    return None if value is None else Decimal(f"{value:.6g}")
