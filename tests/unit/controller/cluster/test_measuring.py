"""What Prometheus is asked about a version, and what its answers come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from controller.cluster.measuring import Question, Window, pods_of, samples
from controller.cluster.prometheus import Prometheus
from controller.resource.gate import Gate
from controller.resource.policy import Query
from controller.sequential import Tally, quantile_levels, share_beside
from mlops.errors import Permanent, Transient

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ERRORS = Gate(metric="error-rate", threshold=Decimal("0.01"))
LATENCY = Gate(metric="latency-p95-ms", threshold=Decimal(200))
DRIFT = Gate(metric="score-drift", threshold=Decimal("0.2"))
CTR = Gate(metric="ctr", threshold=Decimal("0.1"))


def test_a_window_covers_what_was_asked_and_at_least_two_scrapes():
    def seconds(since):
        return Window.between(since, NOW, namespace="shop", model="recipes").seconds

    assert seconds(NOW - timedelta(seconds=90.2)) == 91
    assert seconds(NOW) == 15
    assert seconds(NOW + timedelta(hours=1)) == 15


def asked(gates, answers, *own, alpha=None):
    """The samples where a query that holds all words of a key has that key's answer; and the queries."""
    queries = []

    def ask(query):
        queries.append(query)
        return next((value for words, value in answers.items() if all(word in query for word in words)), None)

    window = Window(namespace="shop", model="recipes", seconds=60)
    question = Question(version="1.1.0", baseline="1.0.0", window=window, queries=own, alpha=alpha)
    return samples(gates, question, ask), queries


def test_an_error_rate_is_of_the_failed_among_all():
    found, queries = asked([ERRORS], {("/ sum", "1.1.0"): 0.25, ("/ sum", "1.0.0"): 0.0, ("sum(increase",): 39.7,
                                      ("timestamp",): NOW.timestamp()})  # fmt: skip
    (sample,) = found

    assert (sample.value, sample.baseline, sample.samples, sample.newest) == (Decimal("0.25"), Decimal(0), 40, NOW)
    assert any('status=~"5.."' in query and 'version="1.1.0"' in query and "[60s]" in query for query in queries)
    assert all('namespace="shop"' in query for query in queries)


def test_a_latency_is_of_the_requests_that_were_answered():
    found, queries = asked([LATENCY], {("histogram_quantile(0.95",): 12.5, ("_count",): 10.0})

    assert (found[0].value, found[0].samples) == (Decimal("12.5"), 10)
    assert any('status!~"5.."' in query and "_bucket" in query for query in queries)


def test_a_model_is_not_judged_by_what_the_same_version_of_another_model_does():
    _, queries = asked([ERRORS, LATENCY], {}, alpha=0.01)

    assert len(queries) > 10
    assert all('pod=~"recipes-1-1-0-predictor-.*"' in query for query in queries if 'version="1.1.0"' in query)
    assert all('pod=~"recipes-1-0-0-predictor-.*"' in query for query in queries if 'version="1.0.0"' in query)


def test_the_pods_of_a_long_name_bear_only_its_beginning():
    name = "m" * 47 + "-1-0-0"

    assert len(name) == 53  # with -predictor, the longest name of a Service
    assert pods_of(name) == f"{name}-pred.*"


def test_bounds_of_an_error_rate_are_those_of_the_difference_beside_the_baselines_own():
    counted = {
        ('version="1.1.0"', 'status=~"5..', "sum(increase"): 30.2, ('version="1.1.0"', "sum(increase"): 100.4,
        ('version="1.0.0"', 'status=~"5..', "sum(increase"): 0.0, ('version="1.0.0"', "sum(increase"): 900.0,
    }  # fmt: skip
    (sample,), _ = asked([ERRORS], {("/ sum", "1.1.0"): 0.3, ("/ sum", "1.0.0"): 0.0, **counted}, alpha=0.01)
    bounds = share_beside(Tally(30, 100), Tally(0, 900), 0.01)

    assert (sample.low, sample.high) == tuple(Decimal(f"{end:.6g}") for end in (bounds.low, bounds.high))
    assert 0.1 < sample.low < sample.value < sample.high < 0.6


def test_bounds_of_a_latency_are_quantiles_of_other_levels():
    answers = {("_count", "sum(increase"): 1000.0, ("histogram_quantile(0.95,",): 100.0}
    levels = quantile_levels(0.95, 1000, 0.005)
    answers |= {(f"histogram_quantile({levels.low:.6g},",): 80.0, (f"histogram_quantile({levels.high:.6g},",): 130.0}
    (sample,), _ = asked([LATENCY], answers, alpha=0.01)

    assert (sample.value, sample.low, sample.high) == (100, 100 + 80 - 130, 100 + 130 - 80)


def test_a_query_of_ones_own_has_no_bounds_and_a_latency_nobody_knows_bounds_nothing():
    queue = Query(name="queue", query='max(queue{version="$version"})')
    gate = Gate(metric="query/queue", threshold=Decimal(5), greater_is_better=False)
    (own, latency), _ = asked([gate, LATENCY], {("max(queue",): 3.0}, queue, alpha=0.01)

    assert (own.value, own.low, own.high) == (Decimal(3), None, None)
    assert latency.low.is_nan()


def test_a_query_of_ones_own_that_says_of_how_many_has_bounds():
    empty = Query(name="empty", query='sum(increase(empty{version="$version"}[$window]))', total='sum(increase(asked{version="$version"}[$window]))')  # fmt: skip
    gate = Gate(metric="query/empty", min_absolute_change=Decimal("-0.02"), greater_is_better=False)
    counted = {(") / (", '"1.1.0"'): 0.3, (") / (", '"1.0.0"'): 0.0, ("(empty", '"1.1.0"'): 30.2,
               ("(asked", '"1.1.0"'): 99.8, ("(asked", '"1.0.0"'): 900.0, ("timestamp",): NOW.timestamp()}  # fmt: skip
    (sample,), queries = asked([gate], counted, empty, alpha=0.01)
    bounds = share_beside(Tally(30, 100), Tally(0, 900), 0.01)

    assert (sample.value, sample.baseline, sample.side) == (Decimal("0.3"), 0, 1)
    assert (sample.low, sample.high) == tuple(Decimal(f"{end:.6g}") for end in (bounds.low, bounds.high))
    value = '((sum(increase(empty{version="1.1.0"}[60s]))) or vector(0)) / (sum(increase(asked{version="1.1.0"}[60s])))'
    assert value in queries


def test_scores_drift_by_the_greatest_distance_at_an_edge_of_the_histogram():
    scores = {("recipes_top_score_count", '"1.1.0"'): 200.0, ("recipes_top_score_count", '"1.0.0"'): 1_800.0,
              ('le="0.5"', '"1.1.0"'): 120.0, ("_bucket", '"1.1.0"'): 200.0, ("_bucket", '"1.0.0"'): 1_800.0,
              ("timestamp",): NOW.timestamp()}  # fmt: skip
    (sample,), queries = asked([DRIFT], scores, alpha=0.01)

    assert (sample.value, sample.samples, sample.newest) == (Decimal("0.4"), 200, NOW)
    assert Decimal("0.2") < sample.low < sample.value < sample.high < Decimal("0.6")
    assert (
        'sum(increase(recipes_top_score_bucket{namespace="shop",pod=~"recipes-1-1-0-predictor-.*",version="1.1.0",le="0.1"}[60s]))'
        in queries
    )


def test_scores_of_nobody_do_not_drift():
    (sample,), _ = asked([DRIFT], {("recipes_top_score_count", '"1.1.0"'): 200.0, ("_bucket",): 200.0}, alpha=0.01)

    assert (sample.value, sample.low, sample.high, sample.samples) == (None, None, None, 200)


def test_without_traffic_there_is_no_value():
    (nothing,), _ = asked([ERRORS], {})
    (zero_of_zero,), _ = asked([ERRORS], {("/ sum",): float("nan"), ("sum(increase",): 0.0})

    assert (nothing.value, nothing.samples, nothing.newest) == (None, 0, None)
    assert zero_of_zero.value is not None
    assert zero_of_zero.value.is_nan()


def test_what_prometheus_does_not_measure_has_no_sample():
    assert asked([CTR], {})[0] == ()


def test_a_question_of_ones_own_is_asked_about_both_versions():
    slow = Query(name="slow", query='sum(rate(x{namespace="$namespace",pod=~"$model-.*",version="$version"}[$window]))')
    gate = Gate(metric="query/slow", threshold=Decimal(3), greater_is_better=False)
    found, queries = asked([gate], {("rate(x", "1.1.0"): 2.0, ("rate(x", "1.0.0"): 1.0, ("sum(increase",): 10.0}, slow)

    assert 'sum(rate(x{namespace="shop",pod=~"recipes-.*",version="1.1.0"}[60s]))' in queries
    assert (found[0].metric, found[0].value, found[0].baseline, found[0].samples) == ("query/slow", 2, 1, 10)


def prometheus(status, body):
    return Prometheus("http://prometheus:9090", httpx.MockTransport(lambda _: httpx.Response(status, json=body)))


def result(*values):
    return {"status": "success", "data": {"result": [{"value": [0, value]} for value in values]}}


def test_an_answer_is_its_one_value():
    assert prometheus(200, result("0.5")).ask("up", 0) == 0.5
    assert prometheus(200, result()).ask("up", 0) is None


@pytest.mark.parametrize(("status", "body", "fault"), [
    (400, {"status": "error", "error": "parse error"}, Permanent),
    (200, result("1", "2"), Permanent),
    (503, {"status": "error", "error": "starting"}, Transient),
    (502, None, Transient),
])  # fmt: skip
def test_faults_are_told_apart(status, body, fault):
    with pytest.raises(fault):
        prometheus(status, body).ask("up", 0)
