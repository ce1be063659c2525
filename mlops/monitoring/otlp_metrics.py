"""What a Prometheus registry holds, sent to an OpenTelemetry collector: one catalogue, two ways to read it.

Names and labels are those that a scrape shows. The SDK has no bridge from Prometheus, only one to it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from mlops.monitoring.otlp import Signal, metric_exporter, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.metrics.export import HistogramDataPoint, Metric, MetricExporter, MetricsData
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.samples import Sample

_SCOPE = "recipe-recommender"
_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"  # milliseconds
_DEFAULT_INTERVAL = "60000"
# At the end of the process, for a last export that nobody answers.
_LAST_MILLISECONDS = 5_000

_log = structlog.stdlib.get_logger("monitoring")


@contextmanager
def pushed_metrics(collect: Callable[[], Iterable[Family]], clock: Callable[[], float]) -> Iterator[None]:
    """Within, send what `collect` finds at each OTEL_METRIC_EXPORT_INTERVAL, and once at the end; if anybody wants it.

    `clock` returns Unix seconds. A collector that is down costs what it did not get, and nothing else.
    Raises Permanent for variables that cannot be meant.
    """
    if not wanted(Signal.METRICS, os.environ):
        yield
        return
    pushing = _Pushing(collect, metric_exporter(os.environ), clock)
    pushing.start()
    try:
        yield
    finally:
        pushing.stop()


class _Pushing(Thread):
    """Sends at each interval."""

    def __init__(
        self,
        collect: Callable[[], Iterable[Family]],
        exporter: MetricExporter,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(name="otlp metrics", daemon=True)
        self._collect = collect
        self._exporter = exporter
        self._clock = clock
        self._since = clock()
        self._seconds = float(os.environ.get(_INTERVAL) or _DEFAULT_INTERVAL) / 1000
        self._stopping = Event()

    def run(self) -> None:
        while not self._stopping.wait(self._seconds):
            self._send()
        self._send()

    def stop(self) -> None:
        self._stopping.set()
        self.join(_LAST_MILLISECONDS / 1000)
        self._exporter.shutdown(timeout_millis=_LAST_MILLISECONDS)

    def _send(self) -> None:
        try:
            self._exporter.export(metrics_data(self._collect(), since=self._since, now=self._clock()))
        except Exception:  # noqa: BLE001 - whatever a collector of metrics raises, the next round tries again
            _log.exception("metrics were not sent")


def metrics_data(families: Iterable[Family], *, since: float, now: float) -> MetricsData:
    """Return the families as OpenTelemetry has them: counters and histograms count from `since` on (Unix seconds)."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics  # noqa: PLC0415 - as in otlp
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    times = int(since * 1e9), int(now * 1e9)
    metrics = [metric for family in families for metric in _metrics(family, times)]
    scope = ScopeMetrics(scope=InstrumentationScope(_SCOPE), metrics=metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource=Resource.create(), scope_metrics=[scope], schema_url="")])


def _metrics(family: Family, times: tuple[int, int]) -> Iterator[Metric]:
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415 - see otlp.py
        AggregationTemporality,
        Gauge,
        Histogram,
        Metric,
        NumberDataPoint,
        Sum,
    )

    since, now = times

    def points(samples: Iterable[Sample]) -> list[NumberDataPoint]:
        return [NumberDataPoint(dict(sample.labels), since, now, sample.value) for sample in samples]

    if family.type in ("histogram", "gaugehistogram"):
        series = _histogram_points(family.samples, times)
        if series:
            data = Histogram(series, AggregationTemporality.CUMULATIVE)
            yield Metric(family.name, family.documentation, family.unit, data)
        return
    # A family may hold samples of several names: a summary's sum and count. When each began is said otherwise.
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            by_name[sample.name].append(sample)
    for name, samples in by_name.items():
        grows = family.type == "counter" or name.endswith(("_sum", "_count"))
        whole = Sum(points(samples), AggregationTemporality.CUMULATIVE, is_monotonic=True) if grows else None
        yield Metric(name, family.documentation, family.unit, whole or Gauge(points(samples)))


def _histogram_points(samples: Iterable[Sample], times: tuple[int, int]) -> list[HistogramDataPoint]:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint  # noqa: PLC0415 - see otlp.py

    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = defaultdict(list)
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in samples:
        key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets[key].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[key] = sample.value
    found = []
    for key, cumulative in buckets.items():
        ordered = sorted(cumulative)
        counts = [int(count) for _, count in ordered]
        found.append(
            HistogramDataPoint(
                attributes=dict(key),
                start_time_unix_nano=times[0],
                time_unix_nano=times[1],
                count=counts[-1],
                sum=sums.get(key, 0.0),
                bucket_counts=[count - before for before, count in zip([0, *counts], counts, strict=False)],
                explicit_bounds=[bound for bound, _ in ordered[:-1]],
                min=None,  # type: ignore[arg-type] # Prometheus keeps none, and the exporter leaves out what is None
                max=None,  # type: ignore[arg-type] # as above
            )
        )
    return found
