"""Two reports side by side: how sure a difference is, and which parts of the queries pay for it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from controller.actions import StartEvaluation
from controller.resource.gate import Gate
from mlops.evaluation import Query, contrast, evaluate
from mlops.judging import Contender, Judge
from tests.fakes.scripted_recommender import ScriptedRecommender

RIGHT, SECOND, WRONG = ["r1", "r2"], ["r2", "r1"], ["r2", "r3"]


def queries(**kinds: int) -> list[Query]:
    return [
        Query(qid=f"{kind}-{number}", kind=kind, text_en=f"{kind} {number}", text_es=None)
        for kind, count in kinds.items()
        for number in range(count)
    ]


def report(asked, rankings, milliseconds=None):
    """A report in which each query is answered by the ranking of its kind, or by one of its own."""
    texts = {query.text_en: rankings.get(query.qid, rankings.get(query.kind, RIGHT)) for query in asked}
    times = iter([moment for took in milliseconds or [1.0] * len(asked) for moment in (0.0, took / 1000)])
    return evaluate(
        ScriptedRecommender(texts),
        asked,
        {query.qid: {"r1": 1} for query in asked},
        language="en",
        clock=lambda: next(times),
        progress=lambda _done, _total: None,
        corpus=frozenset({"r1", "r2", "r3"}),
    )


SOME = queries(dish=40, fridge=10)


def test_versions_that_answer_alike_differ_by_nothing():
    found = contrast.difference("mrr@10", report(SOME, {}), report(SOME, {}))
    assert found is not None
    assert (found.low, found.high) == (0, 0)


def test_the_interval_is_that_of_a_t_test_where_queries_are_many():
    rng = np.random.default_rng(1)
    asked = queries(dish=400)
    now, before = ({q.qid: (RIGHT, SECOND)[rng.integers(2)] for q in asked} for _ in range(2))
    new, old = report(asked, now), report(asked, before)
    found = contrast.difference("mrr@10", new, old)
    values = [new.per_query("mrr@10")[q.qid] - old.per_query("mrr@10")[q.qid] for q in asked]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))


def test_a_percentile_is_compared_by_the_latencies_of_the_same_queries():
    found = contrast.difference("latency-p95-ms", report(SOME, {}, [3.0] * 50), report(SOME, {}, [1.0] * 50))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(2), pytest.approx(2))


@pytest.mark.parametrize(
    ("sentence", "metric", "other"),
    [
        ("other queries", "mrr@10", queries(dish=41, fridge=10)),
        ("a metric that the queries do not have one by one", "coverage", SOME),
    ],
)
def test_what_cannot_be_compared_has_no_interval(sentence, metric, other):
    assert contrast.difference(metric, report(SOME, {}), report(other, {})) is None, sentence
    assert contrast.lost(metric, report(SOME, {}), report(other, {}), rises=True) == (), sentence


def test_the_part_that_pays_for_a_gain_of_the_whole_is_named():
    now, before = report(SOME, {"fridge": WRONG}), report(SOME, {"dish": SECOND})
    assert now.metrics()["mrr@10"] > before.metrics()["mrr@10"]
    (part,) = contrast.lost("mrr@10", now, before, rises=True)
    assert (part.name, part.value, part.baseline, part.queries) == ("kind = fridge", 0, 1, 10)
    assert part.interval.high < 0


def test_a_metric_that_should_fall_loses_by_rising():
    worse = report(SOME, {"fridge": []})
    assert [part.name for part in contrast.lost("empty-rate", worse, report(SOME, {}), rises=False)] == [
        "kind = fridge"
    ]
    assert contrast.lost("empty-rate", report(SOME, {}), worse, rises=False) == ()


def test_a_part_of_four_queries_says_nothing():
    asked = queries(dish=40, fridge=4)
    assert contrast.lost("mrr@10", report(asked, {"fridge": WRONG}), report(asked, {}), rises=True) == ()


def test_equal_versions_seldom_have_a_part_that_lost():
    """At most one of twenty, however many parts are looked at (Bonferroni); a few more may be by chance."""
    rng = np.random.default_rng(2)
    asked = queries(dish=30, fridge=30, pantry=30, sweet=30)

    def drawn():
        return report(asked, {q.qid: (RIGHT, SECOND, WRONG)[rng.integers(3)] for q in asked})

    alarms = sum(bool(contrast.lost("mrr@10", drawn(), drawn(), rises=True)) for _ in range(30))
    assert alarms <= stats.binom.ppf(0.999, 30, 0.05)


def test_an_evaluation_hands_bounds_and_losing_parts_to_the_gates_that_want_them(monkeypatch, tmp_path):
    reports = {"new": report(SOME, {"fridge": WRONG}), "old": report(SOME, {"dish": SECOND})}
    gates = (
        Gate(metric="mrr@10", min_absolute_change=Decimal("-0.01"), max_slice_loss=Decimal("0.05")),
        Gate(metric="empty-rate", threshold=Decimal("0.05")),
    )
    judge = judging(gates, monkeypatch, reports)
    by_change, by_threshold = judge.judge(Path("new"), Path("old"))["samples"]

    assert by_change["slices"][0]["name"] == "kind = fridge"
    assert Decimal(by_change["low"]) <= Decimal(by_change["value"]) <= Decimal(by_change["high"])
    assert not {"low", "high", "slices"} & {key for key, value in by_threshold.items() if value}


def test_the_longest_answer_fits_into_what_kubernetes_keeps(monkeypatch):
    asked = [
        query for kind in "ab" for query in queries(**{f"{kind * 100}": 20, "dish": 40}) if query.kind != "dish"
    ] + queries(dish=40)
    worse = {query.kind: WRONG for query in asked if query.kind != "dish"}
    gates = tuple(
        Gate(metric=name, min_absolute_change=Decimal(-1), max_slice_loss=Decimal("0.05"))
        for name in ("ndcg@10", "mrr@10", "map", "recall@10", "recall@100", "precision@10")
    )
    answer = judging(gates, monkeypatch, {"new": report(asked, worse), "old": report(asked, {})}).judge(
        Path("new"), Path("old")
    )
    longest = max(len(json.dumps(sample, separators=(",", ":"))) for sample in answer["samples"])
    assert sum(len(sample["slices"]) for sample in answer["samples"]) > len(gates)
    assert 10 * (longest + 1) + 200 < 4096


def profile(minutes: dict[str, int]) -> dict[str, object]:
    return {"recipes": sum(minutes.values()), "histograms": {"minutes": minutes}, "counts": {"cuisine": {"thai": 900}}}


PROFILES = {"old": profile({"20": 500, "40": 500}), "new": profile({"20": 60, "40": 940})}


def test_the_recipes_of_both_versions_are_compared_by_the_feature_that_shifted_most(monkeypatch):
    asked = queries(soup=20)
    gates = (Gate(metric="data-drift", threshold=Decimal("0.25")),)
    judge = judging(gates, monkeypatch, {"new": report(asked, {}), "old": report(asked, {})})
    (shift,) = judge.judge(Path("new"), Path("old"))["samples"]
    (alone,) = judge.judge(Path("new"), None)["samples"]

    assert float(shift["value"]) == pytest.approx(1.21, abs=0.02)
    assert shift["samples"] == 1_000
    assert "value" not in alone


def judging(gates, monkeypatch, reports) -> Judge:
    """A judge whose artefacts are names, and whose reports are ready."""
    asked = StartEvaluation(
        name="e", version="1.1.0", digest=f"sha256:{'a' * 64}", baseline="1.0.0", dataset="default", gates=gates
    )
    judge = Judge(asked, translator=None, recent=lambda _count: (), timer=lambda: 0.0)

    class Model:
        digest = "sha256:0"

        def __init__(self, name):
            self.name = name

    monkeypatch.setattr(judge, "_open", lambda folder: Contender(Model(folder.name), None, PROFILES[folder.name]))
    monkeypatch.setattr("mlops.judging._datasets", lambda *_: (([], {}), ([], {})))
    monkeypatch.setattr(judge, "_report", lambda contender, *_: reports[contender.model.name])
    return judge
