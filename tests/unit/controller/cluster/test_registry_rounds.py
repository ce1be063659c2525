"""How often the registry is asked: soon after a change, seldom when all is at rest, and less and less while it is down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controller.cluster.registry_rounds import IDLE_SECONDS, RegistryRounds
from controller.registry_watch import POLL_SECONDS
from controller.resource.reasons import Reason
from controller.resource.version_status import VersionStatus
from controller.stages import Stage as LifeStage
from mlops.errors import Transient
from mlops.model_registry import Stage
from tests.builders.registry_world import MODEL, World

STATUS = replace(
    VersionStatus(since=datetime(2026, 7, 1, tzinfo=UTC)), stage=LifeStage.VALIDATION, reason=Reason.EVALUATING
)


class Rounds:
    def __init__(self, folder):
        self.world = World(folder, a=Stage.TRAINING)
        self.up = True
        self.told = []
        self.rounds = RegistryRounds(self.registry, lambda: 0.0, by="test")

    def of(self, model):
        return self.rounds.of(model, lambda: self.told.append(model))

    def registry(self):
        if not self.up:
            raise Transient("down")
        return self.world.registry


@pytest.fixture
def around(tmp_path):
    return Rounds(tmp_path)


def test_a_model_at_rest_is_asked_seldom_and_its_news_is_told(around):
    around.of(MODEL)
    assert around.rounds.step(MODEL) == IDLE_SECONDS
    assert around.told == [MODEL]


def test_what_there_is_to_follow_is_followed_and_then_it_rests(around):
    watch = around.of(MODEL)
    watch.follow({"1.0.0": STATUS})
    assert around.rounds.step(MODEL) == IDLE_SECONDS
    assert [each.stage for each in around.world.registry.list_versions(MODEL)] == [Stage.VALIDATION]


def test_while_it_is_down_it_is_asked_less_and_less(around):
    around.up = False
    around.of(MODEL)
    waits = [around.rounds.step(MODEL) for _ in range(9)]
    assert waits[:4] == [POLL_SECONDS, 2 * POLL_SECONDS, 4 * POLL_SECONDS, 8 * POLL_SECONDS]
    assert waits[-1] == IDLE_SECONDS
    around.up = True
    assert around.rounds.step(MODEL) == IDLE_SECONDS
    around.up = False
    assert around.rounds.step(MODEL) == POLL_SECONDS


def test_a_version_that_is_not_registered_does_not_keep_it_busy_for_ever(around):
    around.of(MODEL).follow({"9.0.0": STATUS})
    assert [around.rounds.step(MODEL) for _ in range(9)][-1] == IDLE_SECONDS


def test_of_a_model_that_is_forgotten_nobody_asks(around):
    around.of(MODEL)
    around.rounds.forget(MODEL)
    assert around.rounds.step(MODEL) is None
