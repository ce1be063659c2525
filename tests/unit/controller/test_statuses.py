"""Statuses survive storage, stay small, and say what they mean."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide import decide
from controller.metrics import CATALOGUE, Source
from controller.resource.approval import Choice
from controller.resource.codec import codec
from controller.resource.conditions import LONGEST_MESSAGE, Condition, Kind, Truth, bounded, find, stamped
from controller.resource.gate import Gate
from controller.resource.model_status import Change, Mistrust, ModelStatus, Restoration, RetrainingStatus, Share
from controller.resource.policy import DEFAULTS, Step
from controller.resource.reasons import FAILURES, Reason
from controller.resource.version_status import (
    HISTORY,
    Attempt,
    Bake,
    Canary,
    Checks,
    Decided,
    Evidence,
    GateResult,
    Held,
    Outcome,
    Retries,
    Transition,
    Verified,
    VersionStatus,
)
from controller.stages import Stage
from mlops.judgement import Verdict
from tests.scenarios.steps import eventually, in_production, model, push
from tests.toyworld.toy_world import ToyWorld

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT = 32 * 1024
LONG = "ñ" * (LONGEST_MESSAGE // 2)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
instants = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-1000, max_value=1000)
reasons = st.sampled_from(list(Reason))
results = st.builds(
    GateResult,
    metric=texts,
    verdict=st.sampled_from(list(Verdict)),
    value=numbers,
    baseline=numbers,
    low=numbers,
    high=numbers,
    samples=st.integers(0, 10**6),
    message=texts,
)
several = st.lists(results, max_size=2).map(tuple)
checks = st.builds(
    Checks,
    done=st.integers(0, 99),
    last=st.none() | st.sampled_from(list(Verdict)),
    last_at=st.none() | instants,
    unsettled_since=st.none() | instants,
    results=several,
)
evidence = st.builds(Evidence, job=texts, baseline=st.none() | texts, at=instants, results=several)
statuses = st.builds(
    VersionStatus,
    stage=st.sampled_from(list(Stage)),
    since=instants,
    reason=reasons,
    message=texts,
    weight=st.integers(0, 100),
    attempt=st.none()
    | st.builds(Attempt, number=st.integers(1, 99), started=instants, policy=st.just(DEFAULTS), policy_hash=texts),
    retries=st.none()
    | st.builds(Retries, attempt=st.just(1), count=st.just(2), errors=st.just(1), since=instants, next_at=instants),
    artifact=st.none() | st.builds(Verified, digest=texts, at=instants),
    evaluation=st.none() | evidence,
    replay=st.none() | evidence,
    results_hash=st.none() | texts,
    approval=st.none()
    | st.builds(
        Decided,
        choice=st.sampled_from(list(Choice)),
        by=st.none() | texts,
        at=instants,
        digest=texts,
        results_hash=texts,
    ),
    canary=st.none() | st.builds(Canary, step=st.integers(0, 9), steps=st.integers(0, 9), checks=checks),
    bake=st.none() | st.builds(Bake, started_at=instants, ended_at=st.none() | instants, checks=checks),
    held=st.none() | st.builds(Held, reason=reasons, message=texts, since=instants),
    outcome=st.none() | st.builds(Outcome, reason=reasons, message=texts, at=instants),
    promoted_at=st.none() | instants,
    history=st.lists(
        st.builds(
            Transition,
            at=instants,
            origin=st.sampled_from(list(Stage)),
            target=st.sampled_from(list(Stage)),
            reason=reasons,
            message=texts,
        ),
        max_size=2,
    ).map(tuple),
    conditions=st.lists(
        st.builds(
            Condition,
            type=st.sampled_from(list(Kind)),
            status=st.sampled_from(list(Truth)),
            reason=reasons,
            message=texts,
            last_transition_time=instants,
        ),
        max_size=2,
    ).map(tuple),
)


@given(statuses)
def test_a_version_status_survives_json(status: VersionStatus):
    stored = json.loads(json.dumps(codec(VersionStatus).dump(status)))

    assert codec(VersionStatus).load(stored) == status


def fullest_version() -> VersionStatus:
    """The largest status that can come about: every list full, every message as long as it may be."""
    offline = [entry.name for entry in CATALOGUE if Source.OFFLINE in entry.sources][:10]
    result = GateResult(
        metric="specificity",
        verdict=Verdict.INCONCLUSIVE,
        value=Decimal("0.1234567890123"),
        baseline=Decimal("0.1234567890123"),
        low=Decimal("0.1234567890123"),
        high=Decimal("0.1234567890123"),
        samples=1_000_000,
        message="x" * LONGEST_MESSAGE,
    )
    gates = tuple(
        Gate(
            metric=name, threshold=Decimal("0.123456789"), min_absolute_change=Decimal("-0.123456789"), min_samples=999
        )
        for name in offline
    )
    steps = tuple(Step(weight=weight, pause_seconds=86_401) for weight in range(1, 21))
    policy = replace(
        DEFAULTS,
        evaluation=replace(DEFAULTS.evaluation, gates=gates),
        rollout=replace(DEFAULTS.rollout, steps=steps),
    )
    found = Evidence(job="r" * 63, baseline="1.0.0", at=NOW, results=(result,) * 10)
    seen = Checks(done=9999, last=Verdict.PASSED, last_at=NOW, unsettled_since=NOW, results=(result,) * 10)
    move = Transition(
        at=NOW, origin=Stage.VALIDATION, target=Stage.PRODUCTION, reason=Reason.APPROVAL_OF_OTHER_RESULTS, message=LONG
    )
    condition = Condition(
        type=Kind.ARTIFACT_VERIFIED,
        status=Truth.UNKNOWN,
        reason=Reason.APPROVAL_OF_OTHER_RESULTS,
        message=LONG,
        observed_generation=99,
        last_transition_time=NOW,
    )
    digest = "sha256:" + "f" * 64
    return VersionStatus(
        since=NOW,
        message=LONG,
        attempt=Attempt(number=99, started=NOW, policy=policy, policy_hash=digest),
        retries=Retries(attempt=99, count=99, errors=9, since=NOW, next_at=NOW),
        artifact=Verified(digest=digest, at=NOW),
        evaluation=found,
        replay=replace(found, results=(result,) * 5),
        results_hash=digest,
        approval=Decided(
            choice=Choice.APPROVE, by="c" * 256, at=NOW, digest=digest, results_hash=digest, reason="r" * 240
        ),
        bake=Bake(started_at=NOW, checks=seen),
        held=Held(reason=Reason.NO_DATA, message=LONG, since=NOW),
        history=(move,) * HISTORY,
        conditions=(condition,) * 9,
    )


def size(kind: type[Any], status: object) -> int:
    return len(json.dumps(codec(kind).dump(status), ensure_ascii=False).encode())


def test_a_version_status_with_everything_in_it_is_below_32_kb():
    assert size(VersionStatus, fullest_version()) < LIMIT


def test_a_model_status_with_everything_in_it_is_below_32_kb():
    change = Change(at=NOW, version="10.10.10", instead_of="10.10.9", reason=Reason.BAKE_FAILED, message=LONG)
    hold = Mistrust(version="10.10.10-alpha.1", reason=Reason.ANALYSIS_FAILED, since=NOW)
    condition = Condition(
        type=Kind.READY, status=Truth.TRUE, reason=Reason.PRODUCTION_SERVES, message=LONG, last_transition_time=NOW
    )
    status = ModelStatus(
        production="1.0.0",
        restoring=Restoration(to="1.0.0", instead_of="1.1.0", reason=Reason.PINNED, message=LONG, since=NOW),
        traffic=(Share(version="1.0.0", weight=50),) * 20,
        queue=("10.10.10-alpha.1",) * 20,
        holds=(hold,) * HISTORY,
        retraining=RetrainingStatus(runs=999, last_started=NOW, next_run=NOW, handled=("r" * 63,) * HISTORY),
        history=(change,) * HISTORY,
        conditions=(condition,) * 4,
    )

    assert size(ModelStatus, status) < LIMIT
    assert codec(ModelStatus).load(codec(ModelStatus).dump(status)) == status


def test_history_keeps_the_latest_and_counts_them_all():
    status = VersionStatus(since=NOW)
    for _ in range(HISTORY + 5):
        status = status.moved(Stage.VALIDATION, Reason.BASELINE_CHANGED, "again", NOW)

    assert (len(status.history), status.transitions) == (HISTORY, HISTORY + 5)


def test_a_condition_keeps_its_time_until_its_status_changes():
    later = NOW + timedelta(hours=1)
    first = stamped((), {Kind.READY: (Truth.FALSE, Reason.BAKING, "a")}, 1, NOW)
    same = stamped(first, {Kind.READY: (Truth.FALSE, Reason.ANALYSING, "b")}, 2, later)
    changed = stamped(same, {Kind.READY: (Truth.TRUE, Reason.IN_PRODUCTION, "c")}, 2, later)

    assert same[0].last_transition_time == NOW
    assert (same[0].reason, same[0].observed_generation) == (Reason.ANALYSING, 2)
    assert changed[0].last_transition_time == later
    assert find(changed, Kind.STALLED) is None


def test_a_long_message_is_cut():
    assert len(bounded("ñ" * 1000).encode()) in (LONGEST_MESSAGE, LONGEST_MESSAGE - 1)
    assert bounded("short") == "short"


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_is_camel_case_and_explained(reason: Reason):
    assert re.fullmatch(r"([A-Z][a-z0-9]+)+", reason)
    assert reason.meaning.endswith(".")
    assert not reason.remedy or reason.remedy.endswith(".")
    assert reason.__doc__


def test_every_reason_is_given_by_something():
    sources = "".join(path.read_text() for path in Path("controller").glob("*.py"))

    unused = [reason.name for reason in Reason if not re.search(rf"Reason\.{reason.name}\b", sources)]

    assert unused == []


def test_a_failure_says_what_to_do():
    told = {Reason.ABORTED, Reason.REJECTED, Reason.SERVING_LOST, Reason.ROLLED_BACK}  # a person's own doing, or done
    assert [reason for reason in FAILURES if not reason.remedy and reason not in told] == []


def test_kstatus_of_a_life(through: dict[str, dict[str, str]]):
    def of(moment: str) -> tuple[str, str, str]:
        found = through[moment]
        return found["Ready"], found["Reconciling"], found["Stalled"]

    assert of("in the canary") == ("False", "True", "False")
    assert of("in the bake") == ("True", "True", "False")
    assert of("in production") == ("True", "False", "False")
    assert of("superseded") == ("True", "False", "False")
    assert of("failed its gates") == ("False", "False", "True")
    assert through["superseded"]["Serving"] == "False"


@pytest.fixture(scope="module")
def through() -> dict[str, dict[str, str]]:
    world = ToyWorld(through_json=False)

    def look(number: str) -> dict[str, str]:
        status = world.versions[number].status
        assert status is not None
        return {str(condition.type): str(condition.status) for condition in status.conditions}

    found = {}
    model()(world)
    in_production("1.0.0")(world)
    push("1.1.0")(world)
    eventually("1.1.0", stage="Staging", reason="Analysing")(world)
    found["in the canary"] = look("1.1.0")
    eventually("1.1.0", stage="Production", reason="Baking")(world)
    found["in the bake"] = look("1.1.0")
    eventually("1.1.0", stage="Production", reason="InProduction")(world)
    world.advance(1)
    found["in production"] = look("1.1.0")
    found["superseded"] = look("1.0.0")
    push("1.2.0", quality=0.1)(world)
    eventually("1.2.0", stage="Archived")(world)
    found["failed its gates"] = look("1.2.0")
    return found


def test_statuses_hold_no_floats():
    """Checked on the types: what cannot be a float is not one."""

    def hints(kind: type) -> list[str]:
        assert is_dataclass(kind)
        return [str(entry.type) for entry in fields(kind)]

    kinds = (VersionStatus, ModelStatus, GateResult, Checks, Canary, Bake, Evidence, Attempt, Retries)
    assert not [hint for kind in kinds for hint in hints(kind) if "float" in hint]


def test_a_status_is_decided_from_nothing():
    """A version seen for the first time has a status after one decision."""
    world = ToyWorld()
    push("1.0.0")(world)

    decision = decide(world.observe(), world.now)

    status = decision.statuses["1.0.0"]
    assert status.attempt is not None
    assert status.attempt.policy_hash.startswith("sha256:")
    assert status.observed_generation == 1
