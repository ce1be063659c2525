"""Who is told of what, how often, and that it is over."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.monitoring.alerts import Finding, Kind, Severity, Terms, firing, follow

TERMS = Terms(cool_down=600.0, calm=60.0)


class Watching:
    """Follows findings over time; `told` is what somebody was told: when, what, and whether it is over."""

    def __init__(self):
        self.alerts = {}
        self.told = []

    def see(self, at, *kinds, subject=""):
        findings = [Finding(kind=kind, reason=f"{kind} at {at}", subject=subject) for kind in kinds]
        self.alerts, notices = follow(self.alerts, findings, float(at), TERMS)
        self.told += [(notice.at, notice.alert.kind, notice.resolved) for notice in notices]
        return [alert.kind for alert in firing(self.alerts)]


@pytest.fixture
def watching():
    return Watching()


def test_what_counts_at_once_is_told_once_and_then_that_it_is_over(watching):
    for at in range(0, 120, 15):
        assert watching.see(at, Kind.ERRORS) == [Kind.ERRORS]
    for at in range(120, 165, 15):
        assert watching.see(at) == [Kind.ERRORS], "calm for less than a minute"
    assert watching.see(165) == []
    assert watching.told == [(0.0, Kind.ERRORS, False), (165.0, Kind.ERRORS, True)]


def test_what_must_last_is_nothing_before(watching):
    for at in range(0, 60, 15):
        assert watching.see(at, Kind.LATENCY) == []
    assert watching.see(60, Kind.LATENCY) == [Kind.LATENCY]
    watching = Watching()
    watching.see(0, Kind.LATENCY)
    watching.see(15)
    assert watching.see(75, Kind.LATENCY) == [], "the time begins anew"
    assert watching.told == []


def test_what_goes_on_is_told_again_after_the_cool_down(watching):
    for at in range(0, 1500, 15):
        watching.see(at, Kind.ERRORS)
    assert [at for at, _, _ in watching.told] == [0.0, 600.0, 1200.0]


def test_what_comes_and_goes_is_told_once_a_cool_down(watching):
    for at in range(0, 600, 15):
        watching.see(at, *([Kind.ERRORS] if (at // 120) % 2 == 0 else []))
    assert [(at, over) for at, _, over in watching.told if not over] == [(0.0, False)]
    assert watching.see(600, Kind.ERRORS) == [Kind.ERRORS]
    assert watching.told[-1] == (600.0, Kind.ERRORS, False)


def test_two_subjects_of_one_kind_are_two_alerts(watching):
    findings = [Finding(kind=Kind.ANOMALY, reason="odd", subject=metric) for metric in ("error_rate", "num_recipes")]
    alerts, notices = follow({}, findings, 0.0, TERMS)
    assert {notice.alert.subject for notice in notices} == {"error_rate", "num_recipes"}
    assert len(firing(alerts)) == 2


def test_the_worst_stands_first_and_what_is_old_before_what_is_new(watching):
    watching.see(0, Kind.DISK)
    watching.see(15, Kind.DISK, Kind.FEEDBACK)
    assert watching.see(30, Kind.DISK, Kind.FEEDBACK, Kind.ERRORS) == [Kind.ERRORS, Kind.DISK, Kind.FEEDBACK]
    assert Kind.ERRORS.severity is Severity.CRITICAL


def test_there_are_kinds_enough():
    assert len(Kind) >= 8


steps = st.lists(st.tuples(st.integers(1, 400), st.sets(st.sampled_from(list(Kind)))), max_size=60)


@given(steps)
def test_laws(course):
    watching, at = Watching(), 0
    for wait, kinds in course:
        at += wait
        watching.see(at, *kinds)
    for kind in Kind:
        told = [(when, over) for when, each, over in watching.told if each is kind]
        starts = [when for when, over in told if not over]
        assert all(later - earlier >= TERMS.cool_down for earlier, later in itertools.pairwise(starts))
        for place, (_, over) in enumerate(told):
            assert not over or not told[place - 1][1], "over is told once, after it began"
        assert not told or not told[0][1]
    watching.see(at + 10_000)
    watching.see(at + 20_000)
    assert watching.alerts == {}, "nothing is kept for ever"
    assert not [each for each in watching.told if each[0] > at and not each[2]]
