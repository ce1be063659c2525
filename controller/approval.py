"""Whether a version has the consent it needs. Pure.

An approval holds for bytes and results: for the digest that was verified and for the hash of the gates' results, given
by a proven identity other than the author's, and only for so long. Whatever does not hold is refused with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller import clock
from controller.resource.approval import Choice, ModelApproval
from controller.resource.conditions import bounded
from controller.resource.policy import Asked, Separation
from controller.resource.reasons import Reason
from controller.resource.version_status import Decided

if TYPE_CHECKING:
    from datetime import datetime

    from controller.situation import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The decision that holds, or why there is none."""

    given: Decided | None
    reason: Reason
    message: str


def consent(case: Case) -> Consent:
    """Ask the policy first, then every approval of this version, the latest first."""
    why = why_asked(case)
    if why is None:
        by_policy = case.policy.approval.policy is Asked.AUTO
        reason = Reason.APPROVED_BY_POLICY if by_policy else Reason.APPROVAL_NOT_REQUIRED
        return Consent(given=_decided(case, None, case.now, ""), reason=reason, message=reason.meaning)
    refusal: tuple[Reason, str] | None = None
    for approval in _decisions(case, Choice.APPROVE):
        flaw = _flaw(case, approval)
        if flaw is None:
            given = _decided(case, approval.spec.approver, approval.meta.created or case.now, approval.spec.reason)
            return Consent(given=given, reason=Reason.APPROVED, message=f"approved by {approval.spec.approver}")
        refusal = refusal or flaw
    reason, told = refusal or (Reason.AWAITING_APPROVAL, "nobody has approved yet")
    return Consent(given=None, reason=reason, message=f"{why}; {told}")


def rejection(case: Case) -> Decided | None:
    """A rejection of these bytes: whoever gives it and whatever the results, for refusing does no harm."""
    for approval in _decisions(case, Choice.REJECT):
        forged = approval.meta.created_by not in (None, approval.spec.approver)
        if approval.spec.digest == case.digest and not forged:
            at = approval.meta.created or case.now
            return Decided(
                choice=Choice.REJECT,
                by=approval.spec.approver,
                at=at,
                digest=approval.spec.digest,
                results_hash=approval.spec.results_hash or "",
                reason=bounded(approval.spec.reason),
            )
    return None


def why_asked(case: Case) -> str | None:
    """Why a person must approve; None where nobody needs to."""
    mistrusted = _mistrusted_ancestor(case)
    if mistrusted is not None:
        return f"it descends from {mistrusted}, which was rolled back"
    match case.policy.approval.policy:
        case Asked.MANUAL:
            return "the policy asks for a person's approval"
        case Asked.AUTO if case.status.evaluation is None or case.status.evaluation.baseline is None:
            return "the policy is Auto, but nothing was in production to compare with"
        case _:
            return None


def expiry(case: Case, decided: Decided) -> datetime:
    """When a decision stops holding, if the canary has not begun by then."""
    return clock.later(decided.at, case.policy.approval.expiry_seconds)


def _flaw(case: Case, approval: ModelApproval) -> tuple[Reason, str] | None:
    """Why an approval does not hold, by ordered questions; None where it does."""
    spec, policy = approval.spec, case.policy.approval
    given_at = approval.meta.created or case.now
    if approval.meta.created_by not in (None, spec.approver):
        return (
            Reason.APPROVAL_FORGED,
            f"the approval in the name of {spec.approver} was made by {approval.meta.created_by}",
        )
    if policy.separation is Separation.ENFORCED and spec.approver in _authors(case):
        return Reason.APPROVAL_BY_AUTHOR, f"{spec.approver} asked for this version, another person must approve it"
    if spec.digest != case.digest:
        return Reason.APPROVAL_OF_OTHER_DIGEST, f"{spec.approver} approved {spec.digest}, verified is {case.digest}"
    if spec.results_hash != case.status.results_hash:
        return (
            Reason.APPROVAL_OF_OTHER_RESULTS,
            f"{spec.approver} approved results {spec.results_hash}, they are now {case.status.results_hash}",
        )
    age = clock.elapsed(given_at, case.now)
    if age >= policy.expiry_seconds:
        return Reason.APPROVAL_EXPIRED, f"{spec.approver} approved {age} s ago, it holds for {policy.expiry_seconds} s"
    return None


def _decisions(case: Case, choice: Choice) -> list[ModelApproval]:
    """Decisions on this version, the latest first."""
    found = [
        approval
        for approval in case.situation.observation.approvals
        if approval.spec.version == case.number
        and approval.spec.model == case.version.spec.model
        and approval.spec.decision is choice
        and not approval.meta.deleting
    ]
    return sorted(found, key=lambda approval: (approval.meta.created or case.now, approval.meta.name), reverse=True)


def _authors(case: Case) -> set[str]:
    return {name for name in (case.version.spec.requested_by, case.version.meta.created_by) if name}


def _mistrusted_ancestor(case: Case) -> str | None:
    """The nearest ancestor that was rolled back.

    One that has done well in production since vouches for what follows it. A parent that no longer exists ends the
    walk, but is itself still asked.
    """
    mistrusted = {hold.version for hold in case.situation.model.holds}
    seen: set[str] = set()
    ancestor = case.version.spec.lineage.parent
    while ancestor is not None and ancestor not in seen:
        if ancestor in mistrusted:
            return ancestor
        seen.add(ancestor)
        version = case.situation.versions.get(ancestor)
        proven = version is not None and case.situation.statuses[ancestor].promoted_at is not None
        ancestor = version.spec.lineage.parent if version is not None and not proven else None
    return None


def _decided(case: Case, by: str | None, at: datetime, reason: str) -> Decided:
    return Decided(
        choice=Choice.APPROVE,
        by=by,
        at=at,
        digest=case.digest or "",
        results_hash=case.status.results_hash or "",
        reason=bounded(reason),
    )
