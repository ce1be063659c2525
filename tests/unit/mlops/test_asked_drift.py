"""Whether users ask for something else: windows of what was recorded, and what they say about a retraining."""

import random
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from mlops.asked_drift import drift_of, windows_of
from mlops.asked_drift_seen import seen
from mlops.drift.comparing import DriftRules
from mlops.retraining import Check, RetrainFacts, RetrainPolicy, Voice, check

TRAINED = datetime(2026, 6, 1, tzinfo=UTC)
WINTER = ("beef stew", "onion soup", "roast potatoes", "apple pie", "bean stew", "porridge")
SUMMER = ("gazpacho", "ice cream", "cucumber salad", "lemonade", "grilled fish", "fruit salad")


def record(folder, days, *, a_day=120):
    """Queries drawn for each day since the training (negative: before) from what is asked then."""
    draw = random.Random(1)  # noqa: S311 - a seeded draw
    (folder / "pod" / "shown").mkdir(parents=True)
    for day, asked in days.items():
        start = TRAINED + timedelta(days=day)
        rows = [
            {"ts": (start + timedelta(minutes=number)).isoformat(), "query": draw.choice(asked), "lang": "en",
             "version": f"1.0.{day}", "recommendation_id": f"{day}~{number}", "shown": ["a"] * (day % 7 + 1)}
            for number in range(a_day)
        ]  # fmt: skip
        path = folder / "pod" / "shown" / f"shown_{start:%Y%m%d}.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def reports(folder, now_days):
    return drift_of(folder, TRAINED, TRAINED + timedelta(days=now_days), encode=None)


def answered(folder, now_days):
    """What the check says of drift."""
    facts = RetrainFacts(trained_at=TRAINED, trained_digest=None, data_digest=None, queries=60, clicks=0,
                         drift=seen(reports(folder, now_days)))  # fmt: skip
    decision = check(facts, RetrainPolicy(interval=None), TRAINED + timedelta(days=now_days))
    (reason,) = [reason for reason in decision.reasons if reason.check is Check.DRIFT]
    return decision.retrain, reason


BEFORE = dict.fromkeys(range(-3, 0), WINTER)


def test_what_lasts_two_days_calls_for_a_retraining_with_its_numbers(tmp_path):
    record(tmp_path, {**BEFORE, 0: WINTER, 1: SUMMER, 2: SUMMER})
    retrain, reason = answered(tmp_path, 3)
    assert (retrain, reason.voice) == (True, Voice.FOR)
    assert reason.text.startswith("drift in 2 windows in a row >= 2, of ")
    assert "words: Jensen-Shannon distance beyond chance" in reason.text


@pytest.mark.parametrize(("days", "now", "told"), [
    ({0: WINTER, 1: WINTER}, 2, "drift in 0 windows in a row < 2"),
    ({0: WINTER, 1: SUMMER}, 2, "drift in 1 windows in a row < 2"),
    ({0: SUMMER, 1: SUMMER, 2: WINTER}, 3, "drift in 0 windows in a row < 2"),
    ({0: SUMMER, 1: SUMMER}, 1.9, "drift in 1 windows in a row < 2"),
    ({}, 3, "drift in 0 windows in a row < 2; too little was asked to compare"),
], ids=["the same is asked", "one odd day", "it has passed", "the second day is not over", "nobody asks"])  # fmt: skip
def test_what_does_not(tmp_path, days, now, told):
    record(tmp_path, {**BEFORE, **days})
    retrain, reason = answered(tmp_path, now)
    assert not retrain
    assert reason.text.startswith(told)


def test_where_little_was_asked_before_the_first_week_is_what_is_compared_with(tmp_path):
    record(tmp_path, {**dict.fromkeys(range(7), WINTER), 7: SUMMER, 8: SUMMER})
    assert reports(tmp_path, 7) == []
    found = reports(tmp_path, 9)
    assert [report["reference"]["queries"] for report in found] == [840, 840]
    assert "words" in seen(found).lasting


def test_versions_and_what_was_shown_are_no_matter(tmp_path):
    record(tmp_path, {**BEFORE, 0: WINTER})
    (report,) = reports(tmp_path, 1)
    features = " ".join(test["feature"] for test in report["tests"])
    assert "shown" not in features
    assert "version" not in features
    assert not report["drift"]


def test_only_the_latest_days_are_compared(tmp_path):
    record(tmp_path, {**BEFORE, **dict.fromkeys(range(9), WINTER)}, a_day=60)
    rows = [orjson.loads(line) for path in tmp_path.rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    _, current = windows_of(rows, TRAINED, TRAINED + timedelta(days=9, hours=3), DriftRules())
    assert [window.since.day for window in current] == [6, 7, 8, 9]
