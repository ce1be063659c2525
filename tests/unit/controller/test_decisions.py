"""What the scenarios do not show: the order of acts, determinism, speed, and corners of the slots."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from controller import actions
from controller.actions import EnsureServing, Measure, MoveAlias, Notify, ReleaseModel, SetTraffic, StopServing
from controller.decide import decide
from controller.observation import Observation
from controller.resource.reasons import Reason
from controller.stages import MOVES, Stage
from tests.scenarios.steps import (
    delete,
    eventually,
    has_weight,
    in_production,
    model,
    patch,
    pin,
    push,
    registry,
    users,
    wait,
)
from tests.toyworld.toy_world import START, ToyWorld

if TYPE_CHECKING:
    from controller.actions import Action


@pytest.fixture
def world() -> ToyWorld:
    world = ToyWorld(through_json=False)
    model()(world)
    in_production("1.0.0")(world)
    world.platform.performed.clear()
    return world


@pytest.fixture(scope="module")
def long_lived() -> ToyWorld:
    """Twenty versions behind it, the latest in its canary."""
    world = ToyWorld(through_json=False)
    model()(world)
    in_production("1.0.0")(world)
    for minor in range(1, 20):
        push(f"1.{minor}.0", parent=f"1.{minor - 1}.0")(world)
        eventually(f"1.{minor}.0", stage="Production", reason="InProduction")(world)
    push("1.20.0")(world)
    has_weight("1.20.0", 50)(world)
    return world


def told(action: Action) -> str:
    match action:
        case SetTraffic(weights=weights):
            return f"split {weights}"
        case EnsureServing(version=version) | StopServing(version=version) | MoveAlias(version=version):
            return f"{type(action).__name__} {version}"
        case _:
            return type(action).__name__


def deeds(world: ToyWorld) -> list[str]:
    """What was done, without measuring and telling, and without repetition."""
    done = [told(action) for action in world.platform.performed if not isinstance(action, Measure | Notify)]
    return list(dict.fromkeys(done))


def test_a_promotion_moves_traffic_then_the_alias_and_stops_the_old_version_only_after_the_bake(world: ToyWorld):
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production", reason="InProduction")(world)
    wait(1)(world)

    assert deeds(world) == [
        "VerifyArtifact",
        "StartEvaluation",
        "StartReplay",
        "EnsureServing 1.1.0",
        "split {'1.0.0': 90, '1.1.0': 10}",
        "split {'1.0.0': 50, '1.1.0': 50}",
        "split {'1.1.0': 100}",
        "MoveAlias 1.1.0",
        "StopServing 1.0.0",
    ]


def test_a_rollback_moves_traffic_then_the_alias_and_stops_the_bad_version_last(world: ToyWorld):
    push("1.1.0", error_rate_in_production=0.5)(world)
    eventually("1.1.0", stage="Production")(world)
    world.platform.performed.clear()
    eventually("1.1.0", stage="Archived", reason="RolledBack")(world)
    wait(1)(world)

    assert deeds(world) == ["split {'1.0.0': 100}", "MoveAlias 1.0.0", "StopServing 1.1.0"]


def test_a_cold_version_is_served_again_before_it_gets_traffic(world: ToyWorld):
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production", reason="InProduction")(world)
    wait(1)(world)
    world.platform.performed.clear()
    pin("1.0.0")(world)
    eventually("1.0.0", stage="Production")(world)
    wait(1)(world)

    assert deeds(world) == ["EnsureServing 1.0.0", "split {'1.0.0': 100}", "MoveAlias 1.0.0", "StopServing 1.1.0"]


def test_the_same_observation_gives_the_same_decision_in_any_process(long_lived: ToyWorld):
    """Also under another hash seed: no decision hangs on the order of a set."""
    stored = json.dumps(long_lived.observe().to_dict())
    program = (
        "import json, sys, datetime\n"
        "from controller.decide import decide\n"
        "from controller.observation import Observation\n"
        "at = datetime.datetime.fromisoformat(sys.argv[1])\n"
        "print(json.dumps(decide(Observation.from_dict(json.load(sys.stdin)), at).to_dict(), sort_keys=True))\n"
    )

    outcomes = {
        subprocess.run(
            [sys.executable, "-c", program, long_lived.now.isoformat()],
            input=stored,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    here = decide(Observation.from_dict(json.loads(stored)), long_lived.now)
    assert outcomes == {json.dumps(here.to_dict(), sort_keys=True) + "\n"}


def test_a_decision_over_a_full_history_takes_less_than_a_millisecond(long_lived: ToyWorld):
    observation, now = long_lived.observe(), long_lived.now
    assert len(observation.versions) == 21

    def once() -> float:
        began = time.thread_time()
        decide(observation, now)
        return time.thread_time() - began

    assert statistics.median(once() for _ in range(200)) < 0.001


def test_what_is_archived_and_at_rest_keeps_its_status_object(long_lived: ToyWorld):
    """Terminal versions cost nothing: neither a write nor a thought."""
    observation = long_lived.observe()
    decision = decide(observation, long_lived.now)

    archived = [
        version for version in observation.versions if version.status and version.status.stage is Stage.ARCHIVED
    ]
    assert len(archived) > 15
    assert all(decision.statuses[version.spec.version] is version.status for version in archived)


def test_every_move_of_a_life_is_in_the_table_of_moves():
    assert set(MOVES) == set(Stage)
    assert Stage.PRODUCTION not in MOVES[Stage.VALIDATION]
    assert MOVES[Stage.ARCHIVED] == {Stage.PRODUCTION}


def test_a_provider_that_cannot_split_refuses_steps_aloud_and_takes_versions_without(world: ToyWorld):
    world.platform.splits_traffic = False
    push("1.1.0")(world)
    eventually("1.1.0", stage="Staging", reason="TrafficSplitUnsupported")(world)
    assert world.stalled("1.1.0")

    push("1.2.0", spec={"rollout": {"steps": []}})(world)
    eventually("1.2.0", stage="Production")(world)


def test_where_nobody_keeps_queries_there_is_no_replay_and_it_is_said(world: ToyWorld):
    world.platform.keeps_queries = False
    push("1.1.0")(world)
    eventually("1.1.0", stage="Staging")(world)

    assert not [job for job in world.platform.jobs if "1-1-0-replay" in job]
    (told,) = [each.message for each in world.platform.notices.values()
               if each.version == "1.1.0" and each.reason is Reason.GATES_PASSED]  # fmt: skip
    assert told.endswith("no replay: nobody keeps what users ask here")


def test_somebody_elses_split_is_put_right(world: ToyWorld):
    push("1.1.0")(world)
    has_weight("1.1.0", 10)(world)
    world.platform.traffic = {"1.1.0": 100}

    world.work()

    assert world.weights() == {"1.0.0": 90, "1.1.0": 10}


def test_somebody_elses_alias_is_put_right(world: ToyWorld):
    world.platform.champion = "0.9.0"

    world.work()

    assert world.alias() == "1.0.0"


def test_a_weight_that_is_never_applied_is_said_aloud(world: ToyWorld):
    push("1.1.0")(world)
    eventually("1.1.0", stage="Staging", reason="Starting")(world)
    world.platform.router_obeys = False
    eventually("1.1.0", stage="Staging", reason="TrafficNotApplied")(world)
    assert world.stalled("1.1.0")

    world.platform.router_obeys = True
    eventually("1.1.0", stage="Production", reason="InProduction")(world)


def test_while_the_router_cannot_be_read_nothing_is_stopped_and_nobody_archived(world: ToyWorld):
    push("1.1.0")(world)
    has_weight("1.1.0", 50)(world)
    world.set_intent("1.1.0", "Abort")
    observation = replace(world.observe(), traffic=None)

    decision = decide(observation, world.now)

    assert decision.statuses["1.1.0"].stage is Stage.STAGING
    assert not [act for act in decision.actions if isinstance(act, StopServing | SetTraffic)]


def test_edited_serving_is_brought_to_production_without_touching_traffic(world: ToyWorld):
    patch(serving={"image": "predictor:2"})(world)
    world.work()

    assert deeds(world) == ["EnsureServing 1.0.0"]
    assert world.platform.servings["1.0.0"][0].serving.image == "predictor:2"


def test_a_job_nobody_waits_for_is_cancelled(world: ToyWorld):
    push("1.1.0", evaluation="hangs")(world)
    eventually("1.1.0", stage="Validation", reason="Evaluating")(world)
    world.set_intent("1.1.0", "Abort")
    world.work()

    assert "CancelJob" in deeds(world)
    assert world.platform.cancelled == {"recipes-1-1-0-eval-1"}


def test_production_whose_object_vanished_serves_on_until_something_takes_its_place(world: ToyWorld):
    world.versions.pop("1.0.0")
    world.advance(3)
    assert world.weights() == {"1.0.0": 100}
    assert world.model_reason() == "ProductionMissing"

    push("1.1.0")(world)
    eventually("1.1.0", stage="Production")(world)
    assert world.weights() == {"1.1.0": 100}


def test_a_model_whose_status_was_lost_believes_its_versions(world: ToyWorld):
    world.model = replace(world.model, status=None)
    world.work()

    assert world.model.status is not None
    assert world.model.status.production == "1.0.0"
    assert deeds(world) == []


def test_a_deleted_model_sends_nobody_anywhere_before_it_stops_anything(world: ToyWorld):
    world.model = replace(world.model, meta=replace(world.model.meta, deleted_at=START))
    world.advance(1)

    released = [action for action in world.platform.performed if isinstance(action, ReleaseModel)]
    assert deeds(world)[:2] == ["split {}", "StopServing 1.0.0"]
    assert released
    assert world.platform.servings == {}


def test_two_versions_of_one_instant_are_ordered_by_semver(world: ToyWorld):
    push("1.9.0")(world)
    push("1.10.0")(world)
    for number in ("1.9.0", "1.10.0"):
        version = world.versions[number]
        world.versions[number] = replace(version, meta=replace(version.meta, created=START))
    world.versions["1.0.0"] = replace(
        world.versions["1.0.0"], meta=replace(world.versions["1.0.0"].meta, created=START.replace(year=2025))
    )

    eventually("1.10.0", stage="Production")(world)
    eventually("1.9.0", stage="Archived", reason="Superseded")(world)


def test_deleting_a_version_that_is_being_restored_leaves_production_alone(world: ToyWorld):
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production", reason="InProduction")(world)
    wait(1)(world)
    registry("down")(world)
    pin("1.0.0")(world)
    wait(3)(world)
    delete("1.0.0")(world)
    wait(3)(world)

    assert world.stage("1.1.0") == "Production"
    assert world.weights() == {"1.1.0": 100}


def test_people_are_told_once_of_every_move_and_of_every_hold(world: ToyWorld):
    users("away")(world)
    push("1.1.0")(world)
    eventually("1.1.0", stage="Staging", reason="NoData")(world)
    users("asking")(world)
    eventually("1.1.0", stage="Production", reason="InProduction")(world)

    said = [notice for notice in world.platform.notices.values() if notice.version == "1.1.0"]
    assert [notice.reason for notice in said] == [
        Reason.ARTIFACT_VERIFIED,
        Reason.GATES_PASSED,
        Reason.NO_DATA,
        Reason.PROMOTED,
    ]
    assert [notice.warning for notice in said] == [False, False, True, False]
    assert "Send traffic" in said[2].message


def test_every_action_survives_json(long_lived: ToyWorld):
    seen = {type(action): action for action in long_lived.platform.performed}
    assert len(seen) > 8

    for action in seen.values():
        stored = json.loads(json.dumps(actions.to_dict(action)))
        assert actions.from_dict(stored) == action
        assert actions.describe(action).startswith(type(action).__name__)


def test_every_observation_survives_json(long_lived: ToyWorld):
    for _, observation, _ in long_lived.records[::25]:
        assert Observation.from_dict(json.loads(json.dumps(observation.to_dict()))) == observation
