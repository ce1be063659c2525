from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from controller.actions import VerifyArtifact
from controller.loop import ROUNDS, settle
from controller.observation import Observation
from controller.resource.meta import Meta
from controller.resource.model import Model
from controller.resource.version import ModelVersion, VersionSpec
from mlops.errors import Permanent, Transient

if TYPE_CHECKING:
    from controller.actions import Action
    from controller.decide import Decision

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSION = ModelVersion(meta=Meta(name="recipes-1-0-0"), spec=VersionSpec(model="recipes", version="1.0.0"))


@dataclass
class SlowShell:
    """Stores what is saved; what it is told to do takes longer than any test."""

    observation: Observation = field(
        default_factory=lambda: Observation(model=Model(meta=Meta(name="recipes")), versions=(VERSION,))
    )
    performed: list[Action] = field(default_factory=list)
    saved: int = 0

    def observe(self) -> Observation:
        return self.observation

    def perform(self, action: Action) -> None:
        self.performed.append(action)

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
        self.saved += 1
        versions = (
            replace(version, status=decision.statuses[version.spec.version]) for version in observation.versions
        )
        model = replace(observation.model, status=decision.model)
        self.observation = replace(observation, model=model, versions=tuple(versions))


def test_it_rests_while_the_world_needs_time_and_does_not_repeat_itself():
    shell = SlowShell()

    rest = settle(shell, lambda: NOW)

    assert rest.rounds <= 3
    asked = [action for action in shell.performed if isinstance(action, VerifyArtifact)]
    assert len(asked) == shell.saved == 1


def test_a_second_settling_asks_again_for_what_has_not_come():
    shell = SlowShell()
    settle(shell, lambda: NOW)
    before = len(shell.performed)

    settle(shell, lambda: NOW)

    assert len(shell.performed) == before + 1


@pytest.mark.parametrize("fault", [Transient("down"), Permanent("refused")])
def test_an_act_that_fails_is_reported_and_the_statuses_are_saved(fault: Exception):
    class Failing(SlowShell):
        def perform(self, action: Action) -> None:
            raise fault

    shell = Failing()
    rest = settle(shell, lambda: NOW)

    assert rest.faults == (fault,)
    assert shell.saved
    assert shell.observation.versions[0].status is not None


def test_a_save_that_fails_is_the_callers_to_repeat():
    class Conflicting(SlowShell):
        def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
            raise Transient("somebody else wrote")

    with pytest.raises(Transient):
        settle(Conflicting(), lambda: NOW)


def test_a_world_that_undoes_everything_does_not_hold_the_loop_for_ever():
    class Undoing(SlowShell):
        def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
            generation = self.observation.model.meta.generation + 1
            meta = replace(self.observation.model.meta, generation=generation)
            super().save(observation, decision, at)
            self.observation = replace(self.observation, model=replace(self.observation.model, meta=meta))

    assert settle(Undoing(), lambda: NOW).rounds == ROUNDS
