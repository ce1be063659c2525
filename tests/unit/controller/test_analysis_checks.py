from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from controller.analysis import Watch, checks_wanted, failure, fresh_evidence, look, out_of_patience, overspent
from controller.observation import Measurement, Sample
from controller.resource.gate import Gate
from controller.resource.patience import Limit, Patience, Then
from controller.resource.policy import Analysis
from controller.resource.reasons import Reason
from controller.resource.version_status import Checks
from mlops.judgement import Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = Analysis(
    interval_seconds=60,
    window_seconds=120,
    confidence=Decimal(0),
    failure_limit=1,
    inconclusive_limit=3,
    gates=(Gate(metric="error-rate", threshold=Decimal("0.1"), min_samples=10),),
    patience=Patience(no_data=Limit(deadline_seconds=600, then=Then.ARCHIVE)),
)
WATCH = Watch(prefix="w", version="1.1.0", baseline="1.0.0", since=NOW, analysis=RULES)


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def answer(number: int, value: str, *, when: int, n: int = 100) -> Measurement:
    said = Sample(metric="error-rate", value=Decimal(value), samples=n, newest=at(when))
    return Measurement(name=f"w-{number}", at=at(when), samples=(said,))


def test_nothing_is_measured_before_the_first_interval_is_over():
    found = look(WATCH, Checks(), None, at(59))

    assert (found.measure, found.due) == (None, at(60))


def test_when_it_is_due_the_first_check_is_asked_for_and_asking_again_asks_the_same():
    first = look(WATCH, Checks(), None, at(61))
    again = look(WATCH, first.checks, None, at(75))

    assert first.measure is not None
    assert (first.measure.name, first.measure.since, first.measure.baseline) == ("w-0", NOW, "1.0.0")
    assert again.measure == first.measure
    assert again.checks == first.checks


def test_an_answer_is_counted_once_however_often_it_is_seen():
    once = look(WATCH, Checks(), answer(0, "0.01", when=61), at(62))
    twice = look(WATCH, once.checks, answer(0, "0.01", when=61), at(63))

    assert (once.checks.done, once.checks.passed, once.checks.last) == (1, 1, Verdict.PASSED)
    assert twice.checks == once.checks
    assert twice.due == at(121)


def test_an_answer_to_another_question_is_not_counted():
    assert look(WATCH, Checks(), answer(4, "0.9", when=61), at(62)).checks.done == 0


def test_a_check_looks_back_one_window_and_never_beyond_the_beginning():
    late = Checks(done=5, last_at=at(600))

    asked = look(WATCH, late, None, at(660)).measure

    assert asked is not None
    assert asked.since == at(660 - 120)


def test_silence_for_two_intervals_is_an_error_and_the_next_check_comes():
    asked = look(WATCH, Checks(), None, at(60)).checks
    silent = look(WATCH, asked, None, at(179))
    counted = look(WATCH, asked, None, at(180))

    assert silent.checks.errors == 0
    assert (counted.checks.errors, counted.checks.done) == (1, 1)
    assert counted.checks.results[0].message == "w-0 was not answered"
    assert counted.due == at(240)


def test_failures_are_counted_over_the_phase_and_passes_in_between_do_not_redeem_them():
    checks = Checks()
    for number, value in enumerate(["0.5", "0.01", "0.5"]):
        assert failure(checks, RULES) is None
        checks = look(WATCH, checks, answer(number, value, when=60 * (number + 1)), at(60 * (number + 1))).checks

    told = failure(checks, RULES)

    assert told == "2 failed checks > failureLimit 1; error-rate 0.5 > threshold 0.1 (n=100)"


def test_patience_ends_at_the_deadline_of_the_verdict_and_not_by_the_clock_alone():
    checks = look(WATCH, Checks(), answer(0, "0", when=60, n=1), at(60)).checks
    assert out_of_patience(checks, RULES) is None

    a_day_later = look(WATCH, checks, None, at(86_400)).checks
    assert out_of_patience(a_day_later, RULES) is None

    still_none = replace(checks, last_at=at(660), unsettled_since=at(60))
    found = out_of_patience(still_none, RULES)
    assert found is not None
    assert found[0].then is Then.ARCHIVE
    assert found[2] == "error-rate: 1 samples < minSamples 10; unsettled for 600 s, deadline 600 s"


def test_patience_ends_after_so_many_unsettled_checks_in_a_row():
    checks = Checks()
    for number in range(4):
        assert out_of_patience(checks, RULES) is None
        when = 60 * (number + 1)
        checks = look(WATCH, checks, answer(number, "0", when=when, n=1), at(when)).checks

    found = out_of_patience(checks, RULES)

    assert found is not None
    assert found[2].endswith("4 unsettled checks in a row > inconclusiveLimit 3")


def test_one_settled_check_restores_patience():
    unsettled = Checks(done=1, unsettled_in_row=3, unsettled_since=at(0), last=Verdict.NO_DATA, last_at=at(60))

    checks = look(WATCH, unsettled, answer(1, "0.01", when=120), at(120)).checks

    assert (checks.unsettled_in_row, checks.unsettled_since) == (0, None)


def test_without_gates_nothing_is_measured():
    found = look(replace(WATCH, analysis=replace(RULES, gates=())), Checks(), None, at(600))

    assert (found.measure, found.due) == (None, None)


@pytest.mark.parametrize(("seconds", "wanted"), [(0, 1), (59, 1), (60, 1), (300, 5)])
def test_a_period_wants_one_check_per_interval_and_at_least_one(seconds: int, wanted: int):
    assert checks_wanted(RULES, seconds) == wanted
    assert checks_wanted(replace(RULES, gates=()), seconds) == 0


def test_a_memory_of_production_outlives_an_error_and_is_compared_with_after_100_percent():
    rules = replace(RULES, gates=(Gate(metric="error-rate", min_absolute_change=Decimal("-0.02"), min_samples=10),))
    beside = replace(WATCH, analysis=rules)
    alone = replace(beside, baseline=None)
    said = Sample(metric="error-rate", value=Decimal("0.01"), baseline=Decimal("0.01"), samples=100)

    checks = look(beside, Checks(), Measurement(name="w-0", at=at(60), samples=(said,)), at(60)).checks
    checks = look(alone, checks, Measurement(name="w-1", at=at(120), error="down"), at(120)).checks
    checks = look(alone, checks, answer(2, "0.5", when=180), at(180)).checks

    assert checks.last is Verdict.FAILED
    assert checks.results[0].message == "error-rate 0.5 > baseline 0.01 + 0.02 = 0.03 (n=100)"


PROOF = replace(RULES, confidence=Decimal("0.9"), request_budget=500)
PROVING = replace(WATCH, analysis=PROOF)


def bounded(number: int, low: str, value: str, high: str, *, when: int, n: int = 100) -> Measurement:
    sample = Sample(
        metric="error-rate",
        value=Decimal(value),
        low=Decimal(low),
        high=Decimal(high),
        samples=n,
        newest=at(when),
    )
    return Measurement(name=f"w-{number}", at=at(when), samples=(sample,))


def after(checks: Checks, measurement: Measurement) -> Checks:
    return look(PROVING, checks, measurement, measurement.at).checks


def test_with_a_confidence_evidence_grows_until_it_is_proven():
    unproven = after(Checks(), bounded(0, "0", "0.05", "0.3", when=60))
    later = after(unproven, bounded(1, "0", "0.05", "0.2", when=600))
    asked = look(PROVING, later, None, at(660)).measure

    assert later.last is Verdict.INCONCLUSIVE
    assert asked is not None
    assert asked.since == NOW, "the window of 120 s is long over, and the proof is not there"
    assert asked.alpha == pytest.approx(0.1 / 2 / 2), "canary and bake share it, and so do all evidences to come"


def test_what_was_proven_and_is_older_than_the_window_excuses_nothing_that_comes_later():
    young = after(Checks(), bounded(0, "0", "0.05", "0.09", when=60))
    old = after(young, bounded(1, "0", "0.05", "0.09", when=120))
    asked = look(PROVING, old, None, at(180)).measure

    assert (young.evidence, young.evidence_since) == (0, None)
    assert (old.evidence, old.evidence_since) == (1, at(120))
    assert asked is not None
    assert asked.since == at(120)
    assert asked.alpha == pytest.approx(0.1 / 2 / 6)


def test_each_weight_begins_evidence_of_its_own_and_the_first_is_not_counted_twice():
    seen = after(Checks(), bounded(0, "0", "0.05", "0.09", when=60))

    assert fresh_evidence(Checks()) == Checks()
    assert fresh_evidence(fresh_evidence(seen)).evidence == 2


@pytest.mark.parametrize("seconds", [1, 300, 86_400])
def test_one_proof_is_enough_however_long_a_period_is(seconds: int):
    assert checks_wanted(PROOF, seconds) == 1
    assert checks_wanted(replace(PROOF, gates=()), seconds) == 0


@pytest.mark.parametrize(
    ("measurement", "told"),
    [
        (
            bounded(0, "0", "0.05", "0.3", when=60, n=500),
            (
                "error-rate 0.05 in [0, 0.3], which contains threshold 0.1 (n=500); 500 requests answered >= "
                "requestBudget 500"
            ),
        ),
        (bounded(0, "0", "0.05", "0.3", when=60, n=499), None),
        (bounded(0, "0", "0.05", "0.09", when=60, n=5000), None),
        (bounded(0, "0", "NaN", "1", when=60, n=5000), None),
    ],
)
def test_a_canary_may_answer_so_many_requests_without_a_proof(measurement: Measurement, told: str | None):
    checks = after(Checks(), measurement)

    assert overspent(checks, PROOF) == (told and (Reason.INCONCLUSIVE, told))
    assert overspent(checks, replace(PROOF, request_budget=0)) is None
    assert overspent(checks, replace(PROOF, confidence=Decimal(0))) is None
