"""What live requests say of a version."""

from __future__ import annotations

import pytest

from mlops.evaluation.online import figure
from mlops.monitoring.traffic_log import ServedRequest


def answered(
    number: int, hits: tuple[str, ...] = ("a", "b", "c"), clicked: frozenset[str] = frozenset(), ms: float = 10
):
    return ServedRequest(
        at=float(number),
        version="1.0.0",
        failed=False,
        latency_ms=ms,
        recommendation_ids=(f"r-{number}",),
        hits=(hits,),
        top_scores=(0.5,),
        clicked=(clicked,),
        cooked=(frozenset(),),
    )


def failed(number: int):
    return ServedRequest(at=float(number), version="1.0.0", failed=True, latency_ms=900)


NINE_AND_A_FAILURE = [*(answered(number, ms=number + 1) for number in range(9)), failed(9)]


@pytest.mark.parametrize(
    ("metric", "rows", "value", "samples"),
    [
        ("error-rate", NINE_AND_A_FAILURE, 0.1, 10),
        ("latency-p50-ms", NINE_AND_A_FAILURE, 5.0, 9),
        ("empty-rate", [answered(1, hits=()), answered(2), answered(3), failed(4)], 1 / 3, 3),
        ("ctr", [answered(1, clicked=frozenset("a")), answered(2), failed(3)], 0.5, 2),
        ("mrr@10", [answered(1, clicked=frozenset("b")), answered(2)], 0.5, 1),
        ("ndcg@10", [answered(1, clicked=frozenset("a")), answered(2, clicked=frozenset("a"))], 1.0, 2),
        ("error-rate", [], None, 0),
        ("latency-p95-ms", [failed(1)], None, 0),
        ("ndcg@10", [answered(1)], None, 0),
    ],
    ids=[
        "a failure in ten", "failures are not timed", "an empty answer in three", "one of two was clicked",
        "the second was clicked", "the first was clicked", "nobody asked", "nothing was answered", "nobody clicked",
    ],
)  # fmt: skip
def test_a_metric_of_live_requests(metric, rows, value, samples):
    found = figure(metric, rows)
    assert found.value == pytest.approx(value)
    assert found.samples == samples


def test_what_is_not_measured_in_traffic_has_no_figure():
    assert figure("score-drift", NINE_AND_A_FAILURE) is None
    assert figure("recall@100", NINE_AND_A_FAILURE) is None
