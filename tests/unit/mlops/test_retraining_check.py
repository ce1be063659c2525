"""When to retrain: a sentence, facts, and what the check in question says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.retraining import Check, DriftSeen, OnlineMetric, RetrainFacts, RetrainPolicy, Voice, check

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
POLICY = RetrainPolicy()


def drift(*windows, lasting=("words",)):
    return DriftSeen(windows=windows, lasting=lasting, told="words: 0.12 >= 0.03")


# A healthy model: nothing speaks for a retraining, and nothing would stand in its way.
HEALTHY = RetrainFacts(
    trained_at=NOW - timedelta(days=3.2),
    trained_digest="sha256:" + "a" * 64,
    data_digest="sha256:" + "a" * 64,
    queries=60,
    clicks=200,
    online=OnlineMetric(name="ctr", reference=0.40, current=0.40, samples=1_000),
    drift=drift(False, False, False),
)


def said(of, policy=POLICY, **changes):
    decision = check(replace(HEALTHY, **changes), policy, NOW)
    (reason,) = [reason for reason in decision.reasons if reason.check is of]
    return decision.retrain, reason.voice, reason.text


def ctr(current, *, reference=0.40, samples=1_000, least_loss=None):
    return OnlineMetric(name="ctr", reference=reference, current=current, samples=samples, least_loss=least_loss)


def latency(current):
    return OnlineMetric(name="p95", reference=100.0, current=current, samples=1_000, greater_is_better=False)


def test_a_healthy_model_is_left_alone_and_every_check_says_why():
    decision = check(HEALTHY, POLICY, NOW)
    assert not decision.retrain
    assert [reason.check for reason in decision.reasons] == list(Check)
    assert all(reason.voice is Voice.SILENT and reason.text for reason in decision.reasons)


FOR = {
    "seven days to the second": (
        Check.INTERVAL,
        {"trained_at": NOW - timedelta(days=7)},
        "7.0 days since training >= 7 days",
    ),
    "both floors of new data": (
        Check.NEW_DATA,
        {"queries": 100, "clicks": 500},
        "100 distinct queries >= 100, 500 clicks >= 500 since training",
    ),
    "other recipes": (
        Check.DATA_CHANGED,
        {"data_digest": "sha256:" + "b" * 64},
        "recipes now bbbbbbbbbbbb != aaaaaaaaaaaa as trained on",
    ),
    "six per cent fewer clicks": (
        Check.DEGRADATION,
        {"online": ctr(0.376)},
        "ctr 0.376 against 0.4: 6.0% worse > 5.0%",
    ),
    "six per cent fewer clicks, beyond chance": (
        Check.DEGRADATION,
        {"online": ctr(0.376, least_loss=0.01)},
        "ctr 0.376 against 0.4: 6.0% worse > 5.0%",
    ),
    "six per cent slower": (Check.DEGRADATION, {"online": latency(106.0)}, "p95 106 against 100: 6.0% worse > 5.0%"),
    "drift in two windows": (
        Check.DRIFT,
        {"drift": drift(False, True, True)},
        "drift in 2 windows in a row >= 2, of words; words: 0.12 >= 0.03",
    ),
}


@pytest.mark.parametrize(("of", "facts", "text"), FOR.values(), ids=FOR)
def test_what_speaks_for_a_retraining(of, facts, text):
    assert said(of, **facts) == (True, Voice.FOR, text)


SILENT = {
    "too early": (Check.INTERVAL, {}, "3.2 days since training < 7 days"),
    "never trained, as far as is known": (Check.INTERVAL, {"trained_at": None}, "it is not known when"),
    "trained in the future": (
        Check.INTERVAL,
        {"trained_at": NOW + timedelta(days=30)},
        "-30.0 days since training < 7 days",
    ),
    "queries enough but not clicks": (
        Check.NEW_DATA,
        {"queries": 100, "clicks": 499},
        "100 distinct queries >= 100, 499 clicks < 500 since training",
    ),
    "clicks enough but not queries": (Check.NEW_DATA, {"queries": 99, "clicks": 9_999}, "99 distinct queries < 100"),
    "the same recipes": (Check.DATA_CHANGED, {}, "recipes now aaaaaaaaaaaa = aaaaaaaaaaaa"),
    "recipes nobody knows": (Check.DATA_CHANGED, {"trained_digest": None}, "is not known"),
    "five per cent exactly": (Check.DEGRADATION, {"online": ctr(95.0, reference=100.0)}, "5.0% worse <= 5.0%"),
    "six per cent that may be chance": (
        Check.DEGRADATION,
        {"online": ctr(0.376, least_loss=-0.02)},
        "6.0% worse > 5.0%, but it may be chance: the bound is -2.0%",
    ),
    "an improvement": (Check.DEGRADATION, {"online": ctr(0.44)}, "-10.0% worse <= 5.0%"),
    "faster": (Check.DEGRADATION, {"online": latency(50.0)}, "-50.0% worse <= 5.0%"),
    "few requests": (Check.DEGRADATION, {"online": ctr(0.1, samples=199)}, "ctr: 199 requests < 200 needed"),
    "a metric that is not a number": (Check.DEGRADATION, {"online": ctr(float("nan"))}, "cannot be compared"),
    "a reference of nothing": (Check.DEGRADATION, {"online": ctr(0.1, reference=0.0)}, "cannot be compared"),
    "no metric": (Check.DEGRADATION, {"online": None}, "no online metric has been measured"),
    "drift in the last window only": (Check.DRIFT, {"drift": drift(False, True)}, "drift in 1 windows in a row < 2"),
    "drift that has passed": (Check.DRIFT, {"drift": drift(True, True, False)}, "drift in 0 windows in a row < 2"),
    "another feature each time": (
        Check.DRIFT,
        {"drift": drift(True, True, lasting=())},
        "drift in 2 windows in a row >= 2, but of no feature",
    ),
    "nobody compares": (Check.DRIFT, {"drift": None}, "nobody has compared what users ask"),
    "no window yet": (Check.DRIFT, {"drift": drift()}, "drift in 0 windows in a row < 2"),
}


@pytest.mark.parametrize(("of", "facts", "text"), SILENT.values(), ids=SILENT)
def test_what_says_nothing(of, facts, text):
    retrain, voice, told = said(of, **facts)
    assert (retrain, voice) == (False, Voice.SILENT)
    assert text in told


AGAINST = {
    "too little feedback": (
        Check.TOO_LITTLE,
        {"queries": 49},
        "49 distinct queries with feedback < 50 to learn from",
    ),
    "just retrained": (
        Check.COOL_DOWN,
        {"last_attempt": NOW - timedelta(hours=5)},
        "5.0 hours since the last retraining < 24 hours",
    ),
    "one under way": (Check.ONE_AT_A_TIME, {"running": "job-7"}, "retraining job-7 is under way"),
}


@pytest.mark.parametrize(("of", "facts", "text"), AGAINST.values(), ids=AGAINST)
def test_one_voice_against_outweighs_all_voices_for(of, facts, text):
    due = {
        "trained_at": NOW - timedelta(days=90),
        "online": ctr(0.1),
        "drift": drift(True, True),
    }
    assert said(of, **due, **facts) == (False, Voice.AGAINST, text)


def test_new_recipes_are_embedded_however_little_feedback_there_is():
    facts = {"queries": 0, "clicks": 0, "data_digest": "sha256:" + "b" * 64}
    assert said(Check.TOO_LITTLE, **facts) == (
        True,
        Voice.SILENT,
        "0 distinct queries with feedback < 50, but the recipes changed",
    )


def test_a_cool_down_ends_to_the_second():
    old = {"trained_at": NOW - timedelta(days=8)}
    assert said(Check.COOL_DOWN, last_attempt=NOW - timedelta(days=1), **old)[0] is True
    assert said(Check.COOL_DOWN, last_attempt=NOW - timedelta(days=1) + timedelta(seconds=1), **old)[0] is False


def test_without_an_interval_age_never_counts():
    policy = RetrainPolicy(interval=None)
    assert said(Check.INTERVAL, policy, trained_at=NOW - timedelta(days=999))[:2] == (False, Voice.SILENT)


FACTS = st.builds(
    RetrainFacts,
    trained_at=st.none() | st.integers(-10, 400).map(lambda days: NOW - timedelta(days=days)),
    trained_digest=st.none() | st.sampled_from(["sha256:a", "sha256:b"]),
    data_digest=st.none() | st.sampled_from(["sha256:a", "sha256:b"]),
    queries=st.integers(0, 300),
    clicks=st.integers(0, 2_000),
    online=st.none()
    | st.builds(
        OnlineMetric,
        name=st.just("ctr"),
        reference=st.floats(),
        current=st.floats(),
        samples=st.integers(0, 10_000),
        greater_is_better=st.booleans(),
    ),
    drift=st.none() | st.lists(st.booleans(), max_size=5).map(lambda windows: drift(*windows)),
    running=st.none() | st.just("job-1"),
    last_attempt=st.none() | st.integers(0, 100).map(lambda hours: NOW - timedelta(hours=hours)),
)


@given(facts=FACTS)
def test_a_retraining_needs_a_voice_for_and_none_against(facts):
    decision = check(facts, POLICY, NOW)
    voices = [reason.voice for reason in decision.reasons]
    assert decision.retrain == (Voice.FOR in voices and Voice.AGAINST not in voices)
    assert len(voices) == len(Check)


@given(facts=FACTS)
def test_a_running_job_is_never_joined_by_another(facts):
    assert not check(replace(facts, running="job-1"), POLICY, NOW).retrain


@given(facts=FACTS, more=st.integers(1, 1_000))
def test_more_feedback_never_talks_a_retraining_down(facts, more):
    richer = replace(facts, queries=facts.queries + more, clicks=facts.clicks + more)
    assert check(richer, POLICY, NOW).retrain >= check(facts, POLICY, NOW).retrain
