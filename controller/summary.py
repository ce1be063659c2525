"""Conditions: what the facts of a status amount to, for people, `kubectl wait`, Helm and Flux. Pure.

Ready, Reconciling and Stalled follow kstatus. Ready is True for a version that serves as production, and for one whose
life ended as it should (superseded, retired, pinned away): a repository that keeps old manifests is then still healthy.
An archived version that failed is Stalled: only a person can go on from there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import approval
from controller.production import baking
from controller.resource.conditions import Finding, Kind, Truth, bounded, find, stamped
from controller.resource.model_status import Share
from controller.resource.reasons import FAILURES, Reason
from controller.restoration import blocked
from controller.retraining import policy_of
from controller.stages import CANDIDATE_STAGES, Stage

if TYPE_CHECKING:
    from controller.situation import Case, Situation


def summarise(situation: Situation) -> Situation:
    """Put conditions on every status that changed in this round, and the headline on the Model."""
    for number, status in tuple(situation.statuses.items()):
        case = situation.case(number)
        if _at_rest(case):
            continue
        conditions = stamped(case.status.conditions, _of_version(case), case.version.meta.generation, situation.now)
        if conditions != status.conditions:
            situation = situation.with_status(number, replace(status, conditions=conditions))
    return _with_headline(situation)


def _at_rest(case: Case) -> bool:
    """Whether an archived version is as it was in the last round, its serving included: then so are its conditions."""
    status = case.status
    if status.stage is not Stage.ARCHIVED or case.version.status is not status:
        return False
    serving = find(status.conditions, Kind.SERVING)
    return serving is not None and serving.status is Truth.FALSE and case.facts.serving is None


def _of_version(case: Case) -> dict[Kind, Finding]:
    return {
        Kind.READY: _ready(case),
        Kind.RECONCILING: _reconciling(case),
        Kind.STALLED: _stalled(case),
        Kind.ARTIFACT_VERIFIED: _artifact(case),
        Kind.EVALUATED: _evaluated(case),
        Kind.APPROVED: _approved(case),
        Kind.SERVING: _serving(case),
        Kind.PROGRESSING: _progressing(case),
        Kind.PROMOTED: _promoted(case),
    }


def _ready(case: Case) -> Finding:
    status = case.status
    if status.stage is Stage.ARCHIVED:
        return _truth(status.reason not in FAILURES), status.reason, status.message
    if status.stage is not Stage.PRODUCTION:
        return Truth.FALSE, status.reason, status.message
    if not case.ready:
        return Truth.FALSE, Reason.PRODUCTION_NOT_READY, "its serving is not ready"
    return _truth(case.situation.weight(case.number) > 0), status.reason, status.message


def _reconciling(case: Case) -> Finding:
    status = case.status
    moving = status.stage in CANDIDATE_STAGES or status.outcome is not None or baking(case)
    return _truth(moving and status.held is None), status.reason, status.message


def _stalled(case: Case) -> Finding:
    status = case.status
    if status.held is not None:
        return Truth.TRUE, status.held.reason, status.held.message
    failed = status.stage is Stage.ARCHIVED and status.reason in FAILURES
    return _truth(failed), status.reason, status.message


def _artifact(case: Case) -> Finding:
    if case.digest is not None:
        return Truth.TRUE, Reason.ARTIFACT_VERIFIED, case.digest
    ended = case.status.stage is Stage.ARCHIVED
    return (Truth.FALSE if ended else Truth.UNKNOWN), case.status.reason, case.status.message


def _evaluated(case: Case) -> Finding:
    status = case.status
    if status.results_hash is not None:
        return Truth.TRUE, Reason.GATES_PASSED, f"results {status.results_hash}"
    failed = status.reason is Reason.GATE_FAILED
    return (Truth.FALSE if failed else Truth.UNKNOWN), status.reason, status.message


def _approved(case: Case) -> Finding:
    given = case.status.approval
    if given is not None and given.by is not None:
        return Truth.TRUE, Reason.APPROVED, f"by {given.by}: {given.reason}" if given.reason else f"by {given.by}"
    if case.status.reason is Reason.REJECTED:
        return Truth.FALSE, Reason.REJECTED, case.status.message
    if case.status.stage is Stage.STAGING:
        asked = approval.consent(case)
        return _truth(given is not None or asked.given is not None), asked.reason, asked.message
    if given is not None:
        return Truth.TRUE, Reason.APPROVAL_NOT_REQUIRED, "nobody had to be asked"
    return Truth.UNKNOWN, case.status.reason, "nobody has been asked yet"


def _serving(case: Case) -> Finding:
    serving = case.facts.serving
    if serving is None:
        return Truth.FALSE, case.status.reason, "nothing of it is served"
    if case.refused is not None:
        return Truth.FALSE, Reason.ARTIFACT_CHANGED, case.refused
    reason = Reason.PRODUCTION_SERVES if case.status.stage is Stage.PRODUCTION else Reason.ANALYSING
    return _truth(case.ready), reason if case.ready else Reason.STARTING, serving.message or f"digest {serving.digest}"


def _progressing(case: Case) -> Finding:
    status = case.status
    moving = case.in_slot and status.held is None and status.outcome is None
    return _truth(moving), status.reason, status.message


def _promoted(case: Case) -> Finding:
    at = case.status.promoted_at
    if at is None:
        return Truth.FALSE, case.status.reason, case.status.message
    return Truth.TRUE, Reason.PROMOTED, f"in production first at {at.isoformat(timespec='seconds')}"


def _with_headline(situation: Situation) -> Situation:
    model = situation.model
    reason, message = _headline(situation)
    ready = _production_serves(situation)
    stuck = _stuck(situation)
    moving = model.canary is not None or model.restoring is not None
    findings: dict[Kind, Finding] = {
        Kind.READY: (_truth(ready), reason, message),
        Kind.RECONCILING: (_truth(moving and stuck is None), reason, message),
        Kind.STALLED: (Truth.TRUE, *stuck) if stuck is not None else (Truth.FALSE, reason, message),
        Kind.RETRAINING_SCHEDULED: _retraining(situation),
    }
    generation = situation.observation.model.meta.generation
    conditions = stamped(model.conditions, findings, generation, situation.now)
    traffic = model.traffic
    if situation.observation.traffic is not None:
        split = situation.observation.traffic.items()
        traffic = tuple(Share(version=version, weight=weight) for version, weight in sorted(split))
    after = replace(
        model,
        reason=reason,
        message=bounded(message),
        conditions=conditions,
        traffic=traffic,
        observed_generation=generation,
    )
    return situation if after == model else replace(situation, model=after)


def _headline(situation: Situation) -> tuple[Reason, str]:
    """Why the model is as it is, by ordered questions."""
    model = situation.model
    stuck = _stuck(situation)
    if stuck is not None:
        return stuck
    if model.restoring is not None:
        return Reason.ROLLBACK_IN_PROGRESS, f"{model.restoring.to} comes back: {model.restoring.message}"
    if model.canary is not None and model.canary in situation.statuses:
        status = situation.statuses[model.canary]
        return Reason.ROLLING_OUT, f"{model.canary}: {status.message}"
    if model.production is None:
        return Reason.NO_PRODUCTION, Reason.NO_PRODUCTION.meaning
    if not situation.ready(model.production):
        return Reason.PRODUCTION_NOT_READY, f"{model.production} is not ready to answer"
    return Reason.PRODUCTION_SERVES, f"{model.production} answers {situation.weight(model.production)} %"


def _stuck(situation: Situation) -> tuple[Reason, str] | None:
    """What only a person, or better evidence, can move."""
    model = situation.model
    obstacle = blocked(situation)
    if obstacle is not None:
        return Reason.RESTORE_BLOCKED, obstacle
    if model.production is not None and model.production not in situation.versions and model.restoring is None:
        return Reason.PRODUCTION_MISSING, f"the object of {model.production} is gone; it is left serving"
    pin = situation.pin
    if pin is not None and _pin_cannot_be_followed(situation, pin):
        return Reason.PIN_REFUSED, f"{pin}: {Reason.PIN_REFUSED.meaning}"
    for number in (model.canary, model.production):
        held = situation.statuses[number].held if number is not None and number in situation.statuses else None
        if held is not None:
            return held.reason, f"{number}: {held.message}"
    return None


def _pin_cannot_be_followed(situation: Situation, pin: str) -> bool:
    if pin not in situation.statuses:
        return True
    ended = situation.statuses[pin].stage is Stage.ARCHIVED
    return ended and (situation.model.restoring is None or situation.model.restoring.to != pin)


def _production_serves(situation: Situation) -> bool:
    number = situation.model.production
    return number is not None and situation.ready(number) and situation.weight(number) > 0


def _retraining(situation: Situation) -> Finding:
    policy, status = policy_of(situation), situation.model.retraining
    if policy is None or policy.schedule is None:
        return Truth.FALSE, Reason.RETRAINING_NOT_SCHEDULED, Reason.RETRAINING_NOT_SCHEDULED.meaning
    if situation.observation.model.spec.paused or status.next_run is None:
        return Truth.FALSE, Reason.RETRAINING_SUSPENDED, Reason.RETRAINING_SUSPENDED.meaning
    due = status.next_run.isoformat(timespec="seconds")
    return Truth.TRUE, Reason.RETRAINING_SCHEDULED, f"{policy.schedule} {policy.time_zone}, next at {due}"


def _truth(value: object) -> Truth:
    return Truth.TRUE if value else Truth.FALSE
