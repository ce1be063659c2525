"""Two versions asked the same queries."""

from __future__ import annotations

from itertools import count

import pytest

from mlops.errors import Transient
from mlops.evaluation.replayed import Pair, Reply, alone, compared, replay
from mlops.recommendation import Answer, Ask, Hit


class Version:
    """Answers what it is told to, and notes when it was asked."""

    def __init__(self, name: str, log: list[str], hits: str | Exception) -> None:
        self.name, self.log, self.hits = name, log, hits

    def recommend(self, ask: Ask) -> Answer:
        self.log.append(self.name)
        if isinstance(self.hits, Exception):
            raise self.hits
        found = tuple(Hit(id=each, score=0.5, recipe={}, signals=(), translated=True) for each in self.hits)
        return Answer(hits=found, language="en", query_en=ask.text, translated=True, filters=ask.filters, version="1")


def pairs(candidate: str | Exception, baseline: str | Exception, queries: int = 2) -> tuple[Pair, ...]:
    log: list[str] = []
    asks = [Ask(text=f"query {number}") for number in range(queries)]
    timer = count(0.0, 0.004).__next__
    return replay(Version("new", log, candidate), Version("old", log, baseline), asks, timer)


@pytest.mark.parametrize(
    ("candidate", "baseline", "overlap", "correlation"),
    [
        ("abcde", "abcde", 1.0, 1.0),
        ("edcba", "abcde", 1.0, -1.0),
        ("abxyz", "abcde", 0.4, 1.0),
        ("vwxyz", "abcde", 0.0, None),
        ("ab", "abcde", 0.4, 1.0),
        ("", "", 1.0, None),
        ("abcdefghijXYZ", "abcdefghij", 1.0, 1.0),
    ],
    ids=["the same", "turned round", "two of five", "nothing in common", "fewer", "nothing at all", "only ten count"],
)
def test_agreement(candidate, baseline, overlap, correlation):
    found = pairs(candidate, baseline)
    assert compared("overlap@10", found).value == pytest.approx(overlap)
    assert compared("rank-correlation", found).value == (None if correlation is None else pytest.approx(correlation))


@pytest.mark.parametrize("error", [ZeroDivisionError(), Transient("busy")], ids=["a crash", "a fault of ours"])
def test_whatever_a_version_raises_has_failed_and_is_compared_with_nothing(error):
    found = pairs(error, "ab", queries=3)
    assert alone("error-rate", [pair.candidate for pair in found]).value == 1.0
    assert alone("error-rate", [pair.baseline for pair in found]).value == 0.0
    assert alone("latency-p95-ms", [pair.candidate for pair in found]).value is None
    assert compared("overlap@10", found).samples == 0


def test_each_version_is_asked_first_every_other_time_so_that_neither_finds_warm_caches():
    log: list[str] = []
    asks = [Ask(text=str(number)) for number in range(4)]
    replay(Version("new", log, "a"), Version("old", log, "a"), asks, count(0.0, 0.001).__next__)
    assert log == ["new", "old", "old", "new", "new", "old", "old", "new"]


def test_latencies_are_milliseconds_of_answered_queries():
    found = pairs("ab", "ab")
    assert alone("latency-p50-ms", [pair.candidate for pair in found]).value == pytest.approx(4.0)
    empty = alone(
        "empty-rate", [Reply(hits=(), failed=False, latency_ms=1), Reply(hits=("a",), failed=False, latency_ms=1)]
    )
    assert (empty.value, empty.samples) == (0.5, 2)


def test_a_metric_that_is_not_measured_by_a_replay_has_no_figure():
    assert compared("error-rate", pairs("a", "a")) is None
    assert alone("overlap@10", []) is None
