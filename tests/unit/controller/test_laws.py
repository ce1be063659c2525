"""Laws over random lives: people, artefacts, metrics and clocks do what they like, acts fail and the process dies.

`Laws` are asserted in every round (`tests/toyworld/laws.py`); here the world is shaken, left alone, and must come to rest.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from controller.decide import decide
from controller.resource.reasons import Reason
from controller.stages import CANDIDATE_STAGES
from tests.scenarios.steps import model_manifest, push
from tests.scenarios.world import Behaviour
from tests.toyworld.toy_world import ToyWorld
from tests.toyworld.trouble import Troubled

FLAWS = st.sampled_from(
    [
        {"quality": 0.3},
        {"error_rate": 0.5},
        {"error_rate_in_production": 0.5},
        {"artifact": "missing"},
        {"artifact": "damaged"},
        {"artifact": "unreadable"},
        {"artifact": "swapped"},
        {"starts": False},
        {"evaluation": "fails"},
        {"evaluation": "hangs"},
    ]
)
BEHAVIOURS = st.one_of(st.just({}), st.just({}), FLAWS).map(lambda flaw: Behaviour(**flaw))
UNITS = st.integers(1, 30)  # a promotion takes fourteen


# What keeps a version waiting for ever in a healthy world: only a person can go on.
FOR_PEOPLE = {reason for reason in Reason if "Approval" in reason or "Approved" in reason} | {Reason.ON_HOLD}


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = ToyWorld(through_json=False)
        self.pushed = 0

    @initialize(
        approval=st.sampled_from(["None", "Manual", "Auto"]),
        rollback=st.sampled_from(["Automatic", "Manual"]),
        steps=st.sampled_from([[], [10, 50], [50, 100]]),
        then=st.sampled_from(["Hold", "Archive"]),
    )
    def begin(self, approval: str, rollback: str, steps: list[int], then: str) -> None:
        manifest = model_manifest(self.world, approval={"policy": approval}, rollback={"policy": rollback})
        rollout = manifest["spec"]["rollout"]
        rollout["steps"] = [{"weight": weight, "pauseSeconds": 60} for weight in steps]
        for limit in rollout["analysis"]["patience"].values():
            limit["then"] = then
        self.world.apply({**manifest, "spec": {**manifest["spec"], "approval": {"policy": "None"}}})
        push("1.0.0")(self.world)
        self.world.advance(20)
        self.world.apply(manifest)
        self.pushed = 1

    @precondition(lambda self: self.pushed < 6)
    @rule(behaviour=BEHAVIOURS, child=st.booleans(), units=UNITS)
    def push(self, behaviour: Behaviour, child: bool, units: int) -> None:  # noqa: FBT001 - hypothesis hands it over by name
        parent = f"1.{self.pushed - 1}.0" if child and self.pushed else None
        push(f"1.{self.pushed}.0", parent=parent)(self.world)
        self.world.behave(f"1.{self.pushed}.0", behaviour)
        self.pushed += 1
        self.world.advance(units)

    @rule(units=UNITS)
    def wait(self, units: int) -> None:
        self.world.advance(units)

    @rule(troubles=st.lists(st.sampled_from(["fine", "fine", "kill", "fail"]), max_size=60), units=UNITS)
    def wait_in_trouble(self, troubles: list[str], units: int) -> None:
        self.world.interfere = Troubled(iter(troubles))
        self.world.advance(units)
        self.world.interfere = Troubled(iter(()))

    @precondition(lambda self: self.world.versions)
    @rule(data=st.data(), lever=st.sampled_from(["Promote", "Promote", "Hold", "Abort", "Retire"]))
    def intend(self, data: st.DataObject, lever: str) -> None:
        self.world.set_intent(data.draw(st.sampled_from(sorted(self.world.versions))), lever)

    @precondition(lambda self: self.world.versions)
    @rule(data=st.data(), approves=st.booleans())
    def decide_as_person(self, data: st.DataObject, approves: bool) -> None:  # noqa: FBT001 - hypothesis hands it over by name
        version = data.draw(st.sampled_from(sorted(self.world.versions)))
        (self.world.approve if approves else self.world.reject)(version, by="carla")

    @precondition(lambda self: self.world.versions)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.world.delete(data.draw(st.sampled_from(sorted(self.world.versions))))

    @rule(data=st.data())
    def pin(self, data: st.DataObject) -> None:
        self.world.patch_model({"pinnedVersion": data.draw(st.sampled_from([None, "9.9.9", *self.world.versions]))})

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:  # noqa: FBT001 - hypothesis hands it over by name
        self.world.patch_model({"paused": paused})

    @precondition(lambda self: self.world.versions)
    @rule(data=st.data(), behaviour=BEHAVIOURS)
    def change(self, data: st.DataObject, behaviour: Behaviour) -> None:
        self.world.behave(data.draw(st.sampled_from(sorted(self.world.versions))), behaviour)

    @rule(
        users=st.sampled_from(["asking", "asking", "away"]),
        metrics=st.sampled_from(["up", "up", "down", "nan", "stale"]),
        registry=st.sampled_from(["up", "up", "down"]),
    )
    def surroundings(self, users: str, metrics: str, registry: str) -> None:
        self.world.users(users)
        self.world.metrics(metrics)
        self.world.registry(registry)

    @rule(seconds=st.sampled_from([-86_400, -600, 600, 86_400]))
    def jump(self, seconds: int) -> None:
        self.world.jump(seconds)

    def teardown(self) -> None:
        """Left alone in a healthy world, it comes to rest, and production answers everybody."""
        world = self.world
        world.users("asking")
        world.metrics("up")
        world.registry("up")
        world.patch_model({"paused": False, "pinnedVersion": None})
        for version in world.versions:
            behaviour = world.platform.behaviour(version)
            world.behave(version, Behaviour(quality=behaviour.quality, artifact=behaviour.artifact))
        for _ in range(6):
            world.advance(60)
        at_rest(world)


def at_rest(world: ToyWorld) -> None:
    observation = world.observe()
    decision = decide(observation, world.now)
    assert not decision.changes(observation), decision.actions
    assert decision == decide(observation, world.now)
    assert world.model.status is not None
    production = world.model.status.production
    swapped = production is not None and world.platform.behaviour(production).artifact == "swapped"
    if production is not None and not swapped:
        assert sum(world.weights().values()) == 100
        assert set(world.weights()) <= {production, world.model.status.canary}
        assert world.model.status.canary or world.alias() == production
    for number, version in world.versions.items():
        assert not version.meta.deleting or number == production, world.explain(number)
        status = world.versions[number].status
        assert status is not None
        if status.stage in CANDIDATE_STAGES:
            behind_a_hold = status.reason is Reason.QUEUED and world.model.status.canary is not None
            assert status.held or status.reason in FOR_PEOPLE or behind_a_hold, world.explain(number)


Life.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
)
TestLife = Life.TestCase
