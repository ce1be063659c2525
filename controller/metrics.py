"""The metrics a gate may name: a closed catalogue, because a gate on a misspelt metric is a gate that never fails.

Pure. They are measured by the evaluation job (offline), by the replay of recorded queries, or in the traffic (online).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Source(StrEnum):
    """Where a metric is measured."""

    OFFLINE = "offline"
    REPLAY = "replay"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name (`@K` stands for any cut-off), its direction, and where it is measured."""

    name: str
    greater_is_better: bool
    sources: frozenset[Source]
    meaning: str


_OFFLINE = frozenset({Source.OFFLINE})
_LIVE = frozenset({Source.REPLAY, Source.ONLINE})
_RANKING = frozenset({Source.OFFLINE, Source.ONLINE})

CATALOGUE = (
    Metric("ndcg@K", True, _RANKING, "normalised discounted cumulative gain of the first K"),
    Metric("mrr@K", True, _RANKING, "mean reciprocal rank of the first relevant answer among K"),
    Metric("map@K", True, _OFFLINE, "mean average precision of the first K"),
    Metric("precision@K", True, _OFFLINE, "share of the first K that are relevant"),
    Metric("recall@K", True, _OFFLINE, "share of the relevant that are among the first K"),
    Metric("f1@K", True, _OFFLINE, "harmonic mean of precision and recall at K"),
    Metric("accuracy@K", True, _OFFLINE, "share of right decisions: answered and relevant, or neither"),
    Metric("specificity@K", True, _OFFLINE, "share of the irrelevant that are not answered"),
    Metric("mse", False, _OFFLINE, "mean squared error of predicted ratings"),
    Metric("mae", False, _OFFLINE, "mean absolute error of predicted ratings"),
    Metric("rmse", False, _OFFLINE, "root mean squared error of predicted ratings"),
    Metric("r2", True, _OFFLINE, "coefficient of determination of predicted ratings"),
    Metric("data-drift", False, _OFFLINE, "greatest population stability index over the features"),
    Metric("invalid-outputs", False, _OFFLINE, "share of answers that break the output schema"),
    Metric("overlap@K", True, frozenset({Source.REPLAY}), "share of the first K that both versions answer"),
    Metric("rank-correlation", True, frozenset({Source.REPLAY}), "Kendall's tau between both versions' rankings"),
    Metric("error-rate", False, _LIVE, "share of requests that fail"),
    Metric("latency-p50-ms", False, _LIVE, "median response time"),
    Metric("latency-p95-ms", False, _LIVE, "95th percentile of the response time"),
    Metric("latency-p99-ms", False, _LIVE, "99th percentile of the response time"),
    Metric("score-drift", False, frozenset({Source.ONLINE}), "distance of the score distribution from the reference"),
    Metric("ctr", True, frozenset({Source.ONLINE}), "share of recommendations that are followed"),
    Metric("empty-rate", False, _LIVE, "share of requests that are answered with nothing"),
)

_CUT_OFF = re.compile(r"(?P<family>[a-z0-9]+)@(?P<k>[1-9][0-9]{0,2})")


@cache
def _by_name() -> dict[str, Metric]:
    return {entry.name: entry for entry in CATALOGUE}


def metric(name: str) -> Metric | None:
    """Look a metric up: `ndcg@10` is found as `ndcg@K`; None where the catalogue has no such metric."""
    match = _CUT_OFF.fullmatch(name)
    return _by_name().get(f"{match['family']}@K" if match else name)


def metric_names(source: Source | None = None) -> tuple[str, ...]:
    """Every name of the catalogue, or those measured at `source`."""
    return tuple(entry.name for entry in CATALOGUE if source is None or source in entry.sources)
