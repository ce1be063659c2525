"""What is found in the samples of a process, and what is not; each with its arithmetic."""

from __future__ import annotations

import random
import time

import pytest

from mlops.monitoring.alerts import Kind
from mlops.monitoring.anomalies import NoDetector
from mlops.monitoring.findings import Limits, drifting, in_minutes, in_samples, stale
from mlops.monitoring.level_detector import LevelDetector
from mlops.monitoring.stability import index_of_categories, index_of_numbers
from mlops.monitoring.statistics import Sample
from tests.builders.samples import columns_of

NOW = 1_800_000_000.0
LIMITS = Limits()


def sample(ago, *, ms=20.0, failed=False, recipes=10, score=0.5):
    return Sample(at=NOW - ago, failed=failed, api_latency_ms=ms, num_recipes=recipes, top_score=score)


def traffic(seconds, *, every=1.0, until=0.0, **rest):
    """One request each `every` seconds, from `seconds` ago to `until` ago, the oldest first."""
    count = int((seconds - until) / every)
    return [sample(seconds - place * every, **rest) for place in range(count)]


def kinds(samples):
    columns = columns_of(samples)
    found = [*in_samples(columns, NOW, LIMITS), *drifting(columns, NOW, LIMITS)]
    return [finding.kind for finding in found]


def test_ordinary_traffic_is_nothing():
    assert kinds(traffic(3600)) == []


def test_slow_answers_say_how_slow_and_of_how_many():
    (finding,) = in_samples(columns_of([*traffic(300, until=30), *traffic(30, ms=900.0)]), NOW, LIMITS)
    assert finding.kind is Kind.LATENCY
    assert finding.reason == "p95 900 ms > 500 ms (n=299)"


def test_few_requests_say_nothing_of_latency_or_errors():
    assert kinds(traffic(200, every=10, ms=900.0, failed=True)) == []


def test_failures_are_counted_apart_from_what_is_slow():
    (finding,) = in_samples(columns_of([*traffic(300, until=15), *traffic(15, failed=True, ms=4000.0)]), NOW, LIMITS)
    assert finding.kind is Kind.ERRORS
    assert finding.reason == "15 of 299 requests failed: 5.0% > 2.0%"


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (traffic(4000, until=1000), [Kind.NO_TRAFFIC]),
        (traffic(4000, until=800), []),
        (traffic(4000, every=300, until=1000), []),
        (traffic(90_000, every=10, until=20_000), []),
        ([], []),
    ],
    ids=["silent for 16 minutes", "for 13 minutes", "hardly anybody asked", "silent for hours: it was told", "never"],
)
def test_silence_is_news_where_somebody_asked_in_the_hour_before(samples, found):
    assert kinds(samples) == found


def noisy(seconds, *, seed=7, every=2.0, until=0.0, level=20.0, spread=2.0, **rest):
    drawn = random.Random(seed)  # noqa: S311 - seeded draws
    return [
        sample(seconds - place * every, ms=max(1.0, drawn.gauss(level, spread)), **rest)
        for place in range(int((seconds - until) / every))
    ]


def odd(samples, detector=NoDetector):
    return {(finding.kind, finding.subject) for finding in in_minutes(columns_of(samples), NOW, LIMITS, detector)}


def test_two_ordinary_hours_have_no_odd_minute():
    assert odd(noisy(7200), LevelDetector) == set()


def test_one_minute_that_is_slow_is_an_anomaly():
    course = [*noisy(7200, until=180), *noisy(180, until=120, level=200.0), *noisy(120, seed=8)]
    assert odd(course) == {(Kind.ANOMALY, "api_latency_ms")}


def test_minutes_that_stay_slow_are_a_degradation():
    course = [*noisy(7200, until=900), *noisy(900, level=60.0)]
    assert (Kind.DEGRADATION, "api_latency_ms") in odd(course)
    assert (Kind.DEGRADATION, "api_latency_ms") in odd(course, LevelDetector)


def test_what_creeps_up_takes_a_detector_of_levels():
    course = [*noisy(7200, until=1800, spread=6.0), *noisy(1800, level=22.5, spread=6.0)]
    assert odd(course) == set()
    assert odd(course, LevelDetector) == {(Kind.DEGRADATION, "api_latency_ms")}


def test_faster_answers_are_no_bad_news():
    assert odd([*noisy(7200, until=300), *noisy(300, level=5.0)]) == set()


def test_fewer_recipes_are_bad_news():
    course = [*noisy(7200, until=300, recipes=10), *noisy(300, recipes=2)]
    assert {subject for _, subject in odd(course)} == {"num_recipes"}


def scored(seconds, mean, *, seed, until=0.0):
    drawn = random.Random(seed)  # noqa: S311 - seeded draws
    step = 10.0
    return [
        sample(seconds - place * step, score=min(1.0, max(0.0, drawn.gauss(mean, 0.1))))
        for place in range(int((seconds - until) / step))
    ]


def test_scores_that_are_spread_otherwise_are_drift():
    course = [*scored(86_000, 0.6, seed=1, until=3600), *scored(3600, 0.45, seed=2)]
    (finding,) = drifting(columns_of(course), NOW, LIMITS)
    assert (finding.kind, finding.subject) == (Kind.DRIFT, "top_score")
    assert finding.reason.startswith("top_score of both last half hours against the day before: stability index ")
    assert "> 0.25 (n=180 and 179 against 8241)" in finding.reason


def test_one_odd_half_hour_is_no_drift_yet():
    usual = [*scored(86_000, 0.6, seed=1, until=1800), *scored(1800, 0.45, seed=2)]
    assert kinds(usual) == []
    assert (
        kinds(
            [
                *scored(86_000, 0.6, seed=1, until=3600),
                *scored(3600, 0.45, seed=2, until=1800),
                *scored(1800, 0.6, seed=3),
            ]
        )
        == []
    )


def asked(seconds, *, spanish, words, seed, until=0.0):
    drawn = random.Random(seed)  # noqa: S311 - seeded draws
    return [
        Sample(
            at=NOW - seconds + place * 10.0, failed=False, api_latency_ms=20.0, num_recipes=10, top_score=0.5,
            language="es" if drawn.random() < spanish else "en", words=max(1, round(drawn.gauss(words, 1.5))),
        )
        for place in range(int((seconds - until) / 10))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("later", "subjects"),
    [
        ({"spanish": 0.3, "words": 5}, []),
        ({"spanish": 0.8, "words": 5}, ["language"]),
        ({"spanish": 0.3, "words": 2}, ["words"]),
        ({"spanish": 0.8, "words": 2}, ["words", "language"]),
    ],
)
def test_what_users_ask_drifts_by_its_language_and_its_length(later, subjects):
    course = [*asked(86_000, spanish=0.3, words=5, seed=1, until=3600), *asked(3600, **later, seed=2)]
    found = list(drifting(columns_of(course), NOW, LIMITS))

    assert [finding.subject for finding in found] == subjects
    assert {finding.kind for finding in found} <= {Kind.DRIFT}


@pytest.mark.parametrize("seed", range(20))
def test_scores_of_one_spread_are_no_drift(seed):
    day = scored(86_000, 0.6, seed=seed, until=3600)
    assert kinds([*day, *scored(3600, 0.6, seed=seed + 100)]) == []


def test_the_index_is_nothing_for_the_same_and_much_for_another():
    drawn = random.Random(3)  # noqa: S311 - seeded draws
    first, second = ([drawn.random() for _ in range(3000)] for _ in range(2))
    assert index_of_numbers(first, second) < 0.02
    assert index_of_numbers(first, [value / 2 for value in second]) > 1
    assert index_of_numbers([0.5] * 300, [0.5] * 300) == pytest.approx(0.0)
    assert index_of_categories(["en"] * 300, ["en"] * 150) == pytest.approx(0.0)
    assert index_of_categories(["en"] * 150 + ["es"] * 150, ["en"] * 30 + ["es"] * 270) == pytest.approx(0.88, abs=0.03)


def test_a_model_is_stale_by_its_age_alone():
    day = 86_400.0
    assert stale(NOW - 89 * day, NOW, LIMITS) == ()
    assert stale(None, NOW, LIMITS) == ()
    (finding,) = stale(NOW - 100.5 * day, NOW, LIMITS)
    assert finding.reason == "trained 100.5 days ago > 90 days"


def test_a_full_collector_is_looked_at_in_a_moment():
    """50,000 samples of a day; the limit is ten times what it took."""
    full = columns_of(sample(86_000 - place * 1.7, ms=20 + place % 7) for place in range(50_000))
    began = time.perf_counter()
    in_samples(full, NOW, LIMITS)
    in_minutes(full, NOW, LIMITS, NoDetector)
    assert time.perf_counter() - began < 1
