"""The registry beside the life cycle: its alias follows, its stages follow, and its absence stops nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from controller.registry_watch import RegistryWatch
from controller.resource.reasons import Reason
from controller.resource.version_status import Bake, Checks, GateResult, VersionStatus
from controller.stages import Stage as LifeStage
from mlops.errors import Transient
from mlops.judgement import Verdict
from mlops.model_registry import Stage
from tests.builders.registry_world import MODEL, World
from tests.unit.embedded.conftest import START


class Watched:
    """A registry with three new versions, and a watch over it."""

    def __init__(self, folder):
        self.world = World(folder, a=Stage.TRAINING, b=Stage.TRAINING, c=Stage.TRAINING)
        self.up = True
        self.changes = 0
        self.watch = RegistryWatch(MODEL, self.registry, self.changed, by="recipes up")

    def registry(self):
        if not self.up:
            raise Transient("down")
        return self.world.registry

    def changed(self):
        self.changes += 1

    def stages(self):
        return {each.version: each.stage for each in self.world.registry.list_versions(MODEL)}

    def follow(self, **stages):
        self.watch.follow({f"{name[1]}.0.0": status(stage) for name, stage in stages.items()})
        self.watch.step()


def status(stage: LifeStage) -> VersionStatus:
    return replace(VersionStatus(since=START), stage=stage, reason=Reason.GATES_PASSED, message="3 gates passed")


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_nothing_is_known_until_it_was_asked_and_while_it_is_down(watched):
    assert watched.watch.fact is None
    watched.watch.step()
    assert watched.watch.fact.champion is None
    watched.up = False
    watched.watch.step()
    assert watched.watch.fact is None
    watched.watch.step()
    assert watched.changes == 2, "told once each time that what is known changed"


def test_a_promotion_walks_through_the_registrys_own_stages_and_is_read_back(watched):
    watched.watch.promote("1.0.0", "every gate passed")
    assert watched.watch.fact.champion == "1.0.0"
    assert [target for _, target in watched.world.steps("1.0.0")] == [
        Stage.TRAINING,
        Stage.VALIDATION,
        Stage.STAGING,
        Stage.PRODUCTION,
    ]
    watched.watch.promote("1.0.0", "again")
    assert watched.world.promotions("1.0.0") == 1


def test_a_version_that_was_archived_is_restored(watched):
    watched.watch.promote("1.0.0", "first")
    watched.watch.promote("2.0.0", "second")
    assert watched.stages()["1.0.0"] is Stage.ARCHIVED
    watched.watch.promote("1.0.0", "rolled back")
    assert watched.stages() == {"1.0.0": Stage.PRODUCTION, "2.0.0": Stage.ARCHIVED, "3.0.0": Stage.TRAINING}


def test_stages_follow_the_statuses_forwards_and_never_back(watched):
    watched.follow(v1=LifeStage.STAGING, v2=LifeStage.VALIDATION, v3=LifeStage.ARCHIVED)
    assert watched.stages() == {"1.0.0": Stage.STAGING, "2.0.0": Stage.VALIDATION, "3.0.0": Stage.ARCHIVED}
    watched.follow(v1=LifeStage.VALIDATION)
    assert watched.stages()["1.0.0"] is Stage.STAGING


def test_a_champion_is_not_archived_before_another_takes_its_place(watched):
    watched.watch.promote("1.0.0", "first")
    watched.follow(v1=LifeStage.ARCHIVED)
    assert watched.stages()["1.0.0"] is Stage.PRODUCTION


def test_what_could_not_follow_while_the_registry_was_down_follows_later(watched):
    watched.up = False
    watched.follow(v1=LifeStage.STAGING)
    watched.up = True
    watched.watch.step()
    assert watched.stages()["1.0.0"] is Stage.STAGING


def test_a_version_that_is_not_registered_stops_no_other(watched):
    watched.follow(v9=LifeStage.STAGING, v1=LifeStage.STAGING)
    assert watched.stages()["1.0.0"] is Stage.STAGING


def baked(ended_at=START, **measured):
    results = tuple(
        GateResult(metric=metric, verdict=Verdict.PASSED, value=Decimal(str(value)), samples=40)
        for metric, value in measured.items()
    )
    bake = Bake(started_at=START, ended_at=ended_at, checks=Checks(results=results))
    return replace(status(LifeStage.PRODUCTION), bake=bake)


def noted(watched):
    run_id = watched.world.registry.get(MODEL, "1.0.0").run_id
    return dict(watched.world.backend.runs[run_id][0].metrics)


def test_what_production_measured_in_its_bake_is_in_its_run_once(watched):
    watched.watch.promote("1.0.0", "first")
    statuses = {"1.0.0": baked(errors=0.01)}
    watched.watch.follow(statuses)
    assert not watched.watch.settled
    watched.watch.step()
    assert noted(watched) == {"production.errors": 0.01, "production.errors.samples": 40.0}
    assert watched.watch.settled
    looks = len(watched.world.backend.runs)
    watched.watch.follow(statuses)
    watched.watch.step()
    assert len(watched.world.backend.runs) == looks


def test_a_bake_that_goes_on_is_not_noted(watched):
    watched.watch.promote("1.0.0", "first")
    watched.watch.follow({"1.0.0": baked(ended_at=None, errors=0.01)})
    watched.watch.step()
    assert noted(watched) == {}


def test_what_could_not_be_noted_while_the_registry_was_down_is_noted_later(watched):
    watched.watch.promote("1.0.0", "first")
    watched.up = False
    watched.watch.follow({"1.0.0": baked(errors=0.01)})
    watched.watch.step()
    watched.up = True
    watched.watch.step()
    assert noted(watched)["production.errors"] == 0.01
