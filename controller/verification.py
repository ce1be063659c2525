"""Training: the artefact is there, and is what it says it is. Pure."""

from __future__ import annotations

from controller.actions import VerifyArtifact
from controller.observation import ArtifactFact, ArtifactState
from controller.resource.reasons import Reason
from controller.resource.version_status import Verified
from controller.retries import resumed, unsettled
from controller.situation import Case, Move, Situation
from controller.stages import Stage
from mlops.judgement import Verdict

_UNFIT = {ArtifactState.MISSING: Reason.ARTIFACT_MISSING, ArtifactState.DAMAGED: Reason.ARTIFACT_DAMAGED}


def verify(situation: Situation) -> Situation:
    """Take every version in Training one step on."""
    for case in tuple(situation.cases(Stage.TRAINING)):
        if case.status.outcome is None:
            situation = situation.taking(case.number, _verified(case))
    return situation


def _verified(case: Case) -> Move:
    ready = resumed(case)
    if isinstance(ready, Move):
        return ready
    name = f"{ready.version.name}-verify-{ready.attempt}"
    fact = ready.facts.artifact
    if fact is None or fact.name != name:
        if ready.kept_back is not None:
            reason, until = ready.kept_back
            return ready.wait(reason, f"its artefact is not fetched {until}")
        ask = VerifyArtifact(name=name, version=ready.number, source=ready.version.spec.source)
        return ready.act(Reason.VERIFYING_ARTIFACT, "the artefact is being fetched and verified", ask)
    return _answered(ready, fact)


def _answered(case: Case, fact: ArtifactFact) -> Move:
    if fact.state is ArtifactState.PENDING:
        return case.wait(Reason.VERIFYING_ARTIFACT, fact.message or "the artefact is being fetched and verified")
    if fact.state in _UNFIT:
        reason = _UNFIT[fact.state]
        return case.leave(reason, fact.message or reason.meaning)
    if fact.state is ArtifactState.ERROR or fact.digest is None:
        return unsettled(case, Verdict.ERROR, fact.message or "the artefact could not be read")
    wanted = case.version.spec.source.digest
    if wanted not in (None, fact.digest):
        return case.leave(Reason.ARTIFACT_DAMAGED, f"has digest {fact.digest}, spec.source names {wanted}")
    verified = case.having(artifact=Verified(digest=fact.digest, at=case.now), retries=None)
    return verified.go(Stage.VALIDATION, Reason.ARTIFACT_VERIFIED, f"verified {fact.digest}")
