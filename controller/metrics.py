"""The metrics a gate may name: a closed catalogue, because a gate on a misspelt metric is a gate that never fails.

Pure. They are measured by the evaluation job (offline), by the replay of recorded queries, or in the traffic (online).
Names and definitions of the offline ones are those of `mlops.evaluation`.
"""

from __future__ import annotations

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
    """A metric's name, whether greater is better, where it is measured, what it is, and whether it is of a pair.

    What is `paired` is of a version and production together: it exists only where both answer.
    """

    name: str
    rises: bool
    sources: frozenset[Source]
    meaning: str
    paired: bool = False


_OFFLINE = frozenset({Source.OFFLINE})
_REPLAY = frozenset({Source.REPLAY})
_ONLINE = frozenset({Source.ONLINE})
_LIVE = _REPLAY | _ONLINE
_ANYWHERE = _OFFLINE | _LIVE
_FEEDBACK = _OFFLINE | _ONLINE

CATALOGUE = (
    Metric("ndcg@10", True, _FEEDBACK, "normalised discounted cumulative gain of the first ten"),
    Metric("mrr@10", True, _FEEDBACK, "mean reciprocal rank of the first relevant answer among ten"),
    Metric("recall@10", True, _OFFLINE, "share of the relevant that are among the first ten"),
    Metric("recall@100", True, _OFFLINE, "share of the relevant that are among the first hundred"),
    Metric("precision@10", True, _OFFLINE, "share of the first ten that are relevant"),
    Metric("map", True, _OFFLINE, "mean average precision of the first hundred"),
    Metric("accuracy", True, _OFFLINE, "share of right decisions to recommend or not"),
    Metric("precision", True, _OFFLINE, "share of the recommended that are relevant, over all decisions"),
    Metric("recall", True, _OFFLINE, "share of the relevant that are recommended, over all decisions"),
    Metric("f1", True, _OFFLINE, "harmonic mean of precision and recall"),
    Metric("specificity", True, _OFFLINE, "share of the irrelevant that are not recommended"),
    Metric("mse", False, _OFFLINE, "mean squared error of predicted ratings"),
    Metric("mae", False, _OFFLINE, "mean absolute error of predicted ratings"),
    Metric("rmse", False, _OFFLINE, "root mean squared error of predicted ratings"),
    Metric("r2", True, _OFFLINE, "coefficient of determination of predicted ratings"),
    Metric("diversity@10", True, _OFFLINE, "how much the first ten differ in their words"),
    Metric("novelty@10", True, _OFFLINE, "mean self-information of the first ten, in bits: how few queries want them"),
    Metric("coverage", True, _OFFLINE, "share of the corpus that is recommended at all"),
    Metric("data-drift", False, _OFFLINE, "greatest stability index between both corpora' profiles", paired=True),
    Metric("invalid-outputs", False, _OFFLINE, "share of queries whose answer breaks a rule of the output"),
    Metric("overlap@10", True, _REPLAY, "share of the first ten that both versions answer", paired=True),
    Metric("rank-correlation", True, _REPLAY, "Kendall's tau between both versions' rankings", paired=True),
    Metric("empty-rate", False, _ANYWHERE, "share of requests that are answered with nothing"),
    Metric("latency-p50-ms", False, _ANYWHERE, "median response time"),
    Metric("latency-p95-ms", False, _ANYWHERE, "95th percentile of the response time"),
    Metric("latency-p99-ms", False, _ANYWHERE, "99th percentile of the response time"),
    Metric("error-rate", False, _LIVE, "share of requests that fail"),
    Metric(
        "score-drift", False, _ONLINE, "greatest distance between both versions' distributions of scores", paired=True
    ),
    Metric("ctr", True, _ONLINE, "share of recommendations that are followed"),
)


@cache
def _by_name() -> dict[str, Metric]:
    return {entry.name: entry for entry in CATALOGUE}


def metric(name: str) -> Metric | None:
    """Look a metric up; None where the catalogue has none of this name."""
    return _by_name().get(name)


def metric_names() -> tuple[str, ...]:
    """Every name of the catalogue."""
    return tuple(entry.name for entry in CATALOGUE)
