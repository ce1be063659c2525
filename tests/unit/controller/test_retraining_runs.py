from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from controller.actions import CancelJob, EnsureRetraining, StartRetraining
from controller.observation import JobState, RetrainingJob
from controller.resource.conditions import Kind, find
from controller.resource.reasons import Reason
from tests.scenarios.steps import eventually, in_production, model, model_manifest, patch, push
from tests.toyworld.toy_world import ToyWorld

NIGHTLY = {"schedule": "0 3 * * *", "timeZone": "Europe/Madrid"}


@pytest.fixture
def world() -> ToyWorld:
    return ToyWorld(through_json=False)


def scheduled(world: ToyWorld) -> tuple[str, str]:
    assert world.model.status is not None
    condition = find(world.model.status.conditions, Kind.RETRAINING_SCHEDULED)
    assert condition is not None
    return str(condition.status), str(condition.reason)


def starts(world: ToyWorld) -> list[str]:
    return [action.name for action in world.platform.performed if isinstance(action, StartRetraining)]


def day(world: ToyWorld, count: int = 1) -> None:
    world.advance(count * 86_400 // world.unit)


def test_nothing_is_scheduled_before_something_is_in_production(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    world.work()

    assert world.platform.schedule is None
    assert scheduled(world) == ("False", "RetrainingNotScheduled")


def test_the_schedule_belongs_to_production_and_passes_to_the_next(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)

    assert world.platform.schedule == EnsureRetraining(
        name="recipes-retraining", schedule="0 3 * * *", time_zone="Europe/Madrid", suspended=False, parent="1.0.0"
    )
    assert scheduled(world) == ("True", "RetrainingScheduled")
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production")(world)
    world.work()
    assert world.platform.schedule is not None
    assert world.platform.schedule.parent == "1.1.0"


def test_a_version_may_bring_a_schedule_of_its_own(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    push("1.1.0", spec={"retraining": {"schedule": "0 4 * * SUN"}})(world)
    eventually("1.1.0", stage="Production")(world)
    world.work()

    assert world.platform.schedule is not None
    assert world.platform.schedule.schedule == "0 4 * * SUN"


def test_a_nightly_run_becomes_a_version_that_has_to_pass_like_any_other(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    world.platform.candidates = ["1.1.0"]
    day(world)

    assert world.stage("1.1.0") == "Production"
    lineage = world.versions["1.1.0"].spec.lineage
    assert (str(lineage.trigger), lineage.parent) == ("Scheduled", "1.0.0")
    assert world.model.status is not None
    assert len(world.model.status.retraining.handled) == 1


def test_a_candidate_that_a_person_deleted_is_not_made_again(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    world.platform.candidates = ["1.1.0"]
    world.behave("1.1.0", world.platform.behaviour("1.1.0"))
    patch(approval={"policy": "Manual"})(world)
    day(world)
    assert world.stage("1.1.0") == "Staging"
    world.delete("1.1.0")
    world.advance(5)

    assert not world.exists("1.1.0")


def test_a_run_that_fails_is_told_once_and_the_next_comes_on_schedule(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    day(world, 2)

    told = [notice for notice in world.platform.notices.values() if notice.reason is Reason.RETRAINING_FAILED]
    assert len(told) == 2
    assert len(world.platform.runs) == 2


def test_a_paused_model_suspends_its_schedule(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    patch(paused=True)(world)
    day(world, 2)

    assert world.platform.runs == {}
    assert scheduled(world) == ("False", "RetrainingSuspended")


def test_a_schedule_that_is_taken_away_is_removed(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)
    patch(retraining={})(world)
    world.work()

    assert world.platform.schedule is None
    assert scheduled(world) == ("False", "RetrainingNotScheduled")


@pytest.mark.parametrize(("lost", "runs"), [("0.04", 0), ("0.05", 0), ("0.06", 1), ("NaN", 0)])
def test_a_loss_of_quality_beyond_the_limit_starts_a_run(world: ToyWorld, lost: str, runs: int):
    model(retraining={"triggers": {"degradation": "0.05"}})(world)
    in_production("1.0.0")(world)
    world.platform.degradation = Decimal(lost)
    world.advance(5)

    assert len(starts(world)) == runs


def test_new_data_starts_a_run_and_another_only_after_the_least_interval(world: ToyWorld):
    model(retraining={"triggers": {"newData": True}, "minIntervalSeconds": 3_600})(world)
    in_production("1.0.0")(world)
    world.platform.new_data = True
    world.advance(100)
    assert starts(world) == ["recipes-retrain-1"]

    world.advance(100)
    assert starts(world) == ["recipes-retrain-1", "recipes-retrain-2"]


def test_new_data_without_the_trigger_starts_nothing(world: ToyWorld):
    world.apply(model_manifest(world))
    in_production("1.0.0")(world)
    world.platform.new_data = True
    world.advance(5)

    assert starts(world) == []


def test_the_status_shows_the_next_run(world: ToyWorld):
    model(retraining=NIGHTLY)(world)
    in_production("1.0.0")(world)

    assert world.model.status is not None
    due = world.model.status.retraining.next_run
    assert due is not None
    assert timedelta() < due - world.now < timedelta(days=1)
    day(world)
    assert world.model.status.retraining.next_run == due + timedelta(days=1)


def test_of_runs_that_overlap_the_first_goes_on_and_the_others_are_ended_and_told_of(world: ToyWorld):
    in_production("1.0.0")(world)
    world.work()
    for minute, name in enumerate(("by-hand", "of-the-schedule")):
        world.platform.runs[name] = RetrainingJob(
            name=name, state=JobState.RUNNING, started=world.platform.now + timedelta(minutes=minute)
        )
    world.work()

    ended = [action.name for action in world.platform.performed if isinstance(action, CancelJob)]
    assert (ended, list(world.platform.runs)) == (["of-the-schedule"], ["by-hand"])
    told = world.platform.notices["of-the-schedule-second"].message
    assert told == "of-the-schedule is ended, one at a time: by-hand is under way"
