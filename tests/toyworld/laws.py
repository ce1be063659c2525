"""Laws that hold in every world, asserted in each round of the toy one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.actions import SetTraffic
from controller.stages import MOVES, Stage
from mlops.judgement import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from controller.actions import Action
    from controller.decide import Decision
    from controller.observation import Observation
    from controller.resource.version_status import VersionStatus


def of_decision(observation: Observation, decision: Decision, now: datetime) -> None:
    """What holds of every decision; AssertionError with the law in words where it does not."""
    _one_production(decision)
    _no_wait_is_negative(decision, now)
    _moves_exist(observation, decision)
    _terminal_stages_are_silent(observation, decision)


def of_action(action: Action, observation: Observation) -> None:
    """What holds of every act, in the light of what was observed before it."""
    if isinstance(action, SetTraffic):
        _traffic_sums_to_hundred(action)
        _weight_rises_only_with_every_gate_passed(action, observation)
        _weight_rises_only_on_ready_servings(action, observation)


def _one_production(decision: Decision) -> None:
    claims = [number for number, status in decision.statuses.items() if status.stage is Stage.PRODUCTION]
    assert len(claims) <= 1, f"several in production: {claims}"
    assert not claims or claims == [decision.model.production], f"{claims}, the Model says {decision.model.production}"


def _no_wait_is_negative(decision: Decision, now: datetime) -> None:
    assert decision.wake_at is None or decision.wake_at > now, f"wakes at {decision.wake_at}, it is {now}"


def _moves_exist(observation: Observation, decision: Decision) -> None:
    for version in observation.versions:
        status = decision.statuses[version.spec.version]
        new = status.transitions - (version.status.transitions if version.status else 0)
        for move in status.history[-new:] if new else ():
            assert move.target in MOVES[move.origin], f"{version.name}: {move.origin} -> {move.target} does not exist"


def _terminal_stages_are_silent(observation: Observation, decision: Decision) -> None:
    """A version that is archived, answers nobody, is not served and was not asked for causes no act."""
    served = {facts.version for facts in observation.facts if facts.serving is not None}
    slots = {decision.model.production, decision.model.previous, decision.model.canary}
    slots |= {decision.model.restoring.to} if decision.model.restoring else set()
    for version in observation.versions:
        status, number = version.status, version.spec.version
        quiet = status is not None and status.stage is Stage.ARCHIVED and not version.meta.deleting
        if not quiet or number in served | slots | set(observation.traffic or {}):
            continue
        told = [action for action in decision.actions if getattr(action, "version", None) == number]
        running = [job for facts in observation.facts if facts.version == number for job in facts.jobs]
        assert not told or running, f"{number} is archived and still causes {told}"


def _traffic_sums_to_hundred(action: SetTraffic) -> None:
    assert sum(action.weights.values()) in ((100,) if action.weights else (0,)), action.weights
    assert all(0 < weight <= 100 for weight in action.weights.values()), action.weights


def _weight_rises_only_with_every_gate_passed(action: SetTraffic, observation: Observation) -> None:
    model = observation.model.status
    for number, status in _rising(action, observation).items():
        if model is not None and number in (model.production, model.restoring.to if model.restoring else None):
            continue
        evidence = [found for found in (status.evaluation, status.replay) if found]
        verdicts = [result.verdict for found in evidence for result in found.results]
        assert all(verdict is Verdict.PASSED for verdict in verdicts), f"{number} rises with {verdicts}"
        assert status.approval is not None, f"{number} rises without consent"
        assert status.canary is not None, f"{number} rises outside of a rollout"
        if status.canary.step > 0:
            live = [result.verdict for result in status.canary.checks.results]
            assert all(verdict is Verdict.PASSED for verdict in live), f"{number} rises with {live}"


def _weight_rises_only_on_ready_servings(action: SetTraffic, observation: Observation) -> None:
    facts = {facts.version: facts for facts in observation.facts}
    model = observation.model.status
    for number, status in _rising(action, observation).items():
        if model is not None and number == model.production and number in (observation.traffic or {}):
            continue  # users come back to production, which answers already
        serving = facts[number].serving if number in facts else None
        assert serving is not None, f"{number} rises and is not served"
        assert status.artifact is not None, f"{number} rises unverified"
        assert serving.digest == status.artifact.digest, f"{number} rises with another digest"


def _rising(action: SetTraffic, observation: Observation) -> dict[str, VersionStatus]:
    before = observation.traffic or {}
    statuses = {version.spec.version: version.status for version in observation.versions}
    rising = [number for number, weight in action.weights.items() if weight > before.get(number, 0)]
    return {number: status for number in rising if (status := statuses.get(number)) is not None}
