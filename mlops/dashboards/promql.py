"""Questions to Prometheus, put together: everything is of the namespaces chosen above the panels. Pure."""

from __future__ import annotations

_CHOSEN = 'namespace=~"$namespace"'
RECENT = "$__rate_interval"  # Grafana's: at least four scrapes, and no less than a pixel


def of(metric: str, *labels: str) -> str:
    """The series of a metric that have all of the labels."""
    return f"{metric}{{{', '.join((_CHOSEN, *labels))}}}"


def rate(metric: str, *labels: str, by: str = "", window: str = RECENT) -> str:
    """Events a second, for each of the labels in `by`."""
    return f"sum {_by(by)}(rate({of(metric, *labels)}[{window}]))"


def increase(metric: str, *labels: str, by: str = "") -> str:
    """Events in each step, for each of the labels in `by`."""
    return f"sum {_by(by)}(increase({of(metric, *labels)}[{RECENT}]))"


def share(part: str, whole: str) -> str:
    """One question's answer over another's."""
    return f"{part} / {whole}"


def mean(histogram: str, *labels: str, by: str = "") -> str:
    """The mean of what a histogram observed."""
    return share(rate(f"{histogram}_sum", *labels, by=by), rate(f"{histogram}_count", *labels, by=by))


def quantile(level: float, histogram: str, *labels: str, by: str = "", window: str = RECENT) -> str:
    """A quantile of what a histogram observed, interpolated within its buckets."""
    buckets = rate(f"{histogram}_bucket", *labels, by=f"le, {by}" if by else "le", window=window)
    return f"histogram_quantile({level}, {buckets})"


def latest(metric: str, *labels: str, by: str, how: str = "max") -> str:
    """A gauge as it is; several pods may say it."""
    return f"{how} by ({by}) ({of(metric, *labels)})"


def _by(labels: str) -> str:
    return f"by ({labels}) " if labels else ""
