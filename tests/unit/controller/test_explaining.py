from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.explain import explain
from controller.replay import Record, replay
from tests.scenarios.steps import approve, eventually, has_weight, in_production, model, patch, pin, push
from tests.toyworld.toy_world import ToyWorld


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    """1.1.0 was rolled back with 30 % errors; 1.2.0, its child, waits for a person; 1.3.0 is in its canary."""
    world = ToyWorld()
    model()(world)
    in_production("1.0.0")(world)
    push("1.1.0", error_rate_in_production=0.3, parent="1.0.0", spec={"approval": {"policy": "Manual"}})(world)
    eventually("1.1.0", stage="Staging", reason="AwaitingApproval")(world)
    approve("1.1.0", by="carla")(world)
    eventually("1.1.0", stage="Archived", reason="RolledBack")(world)
    push("1.2.0", parent="1.1.0")(world)
    eventually("1.2.0", stage="Staging", reason="AwaitingApproval")(world)
    push("1.3.0")(world)
    has_weight("1.3.0", 10)(world)
    world.advance(1)
    return world


def told(world: ToyWorld, number: str) -> str:
    return "\n".join(explain(world.versions[number], world.model))


def test_a_rolled_back_version_is_explained_with_its_numbers(world: ToyWorld):
    text = told(world, "1.1.0")

    assert text.startswith("recipes 1.1.0 is in Archived since ")
    for part in (
        "RolledBack",
        "1.0.0 is in production: 2 failed checks > failureLimit 1; error-rate 0.3 > baseline 0 + 0.02 = 0.02",
        "What descends from it needs a person's approval: BakeFailed",
        "The evaluation recipes-1-1-0-eval-1 compared with 1.0.0:",
        "Passed: ndcg@10 0.6 >= threshold 0.3",
        "Approved by carla",
        "2 checks: 0 passed, 2 failed",
        "Staging -> Production, Promoted",
        "Production -> Archived, RolledBack",
    ):
        assert part in text, part


def test_a_waiting_version_says_what_to_do(world: ToyWorld):
    text = told(world, "1.2.0")

    assert "it descends from 1.1.0, which was rolled back; nobody has approved yet" in text
    assert "What to do: Run `recipes approve`" in text


def test_a_version_in_its_canary_shows_step_weight_and_checks(world: ToyWorld):
    text = told(world, "1.3.0")

    assert "Canary step 1 of 2, weight 10 %, applied " in text
    assert "step 1 of 2 at 10 %: 1 of 3 checks passed" in text


def test_what_a_person_did_to_the_model_is_told(world: ToyWorld):
    world = world.fork()
    patch(paused=True)(world)
    pin("1.0.0")(world)

    text = told(world, "1.3.0")

    assert "The Model is paused" in text
    assert "The Model is pinned to 1.0.0" in text


def test_a_version_nobody_looked_at(world: ToyWorld):
    fresh = replace(world.versions["1.3.0"], status=None)

    assert explain(fresh, world.model) == ("recipes 1.3.0 has not been looked at yet",)


def test_a_stored_life_decided_again_comes_to_the_same_end(world: ToyWorld):
    stored = [json.dumps(Record.of(*record).to_dict()) for record in world.records]

    assert replay(Record.from_dict(json.loads(line)) for line in stored) == ()


def test_a_record_that_was_altered_is_found(world: ToyWorld):
    at, observation, decision = world.records[-3]
    record = Record.of(at, observation, decision)
    forged = replace(record, decision={**record.decision, "wakeAt": None, "actions": []})

    differences = replay([forged])

    assert {difference.part for difference in differences} & {"actions", "wakeAt"}
    assert "recorded" in str(differences[0])
