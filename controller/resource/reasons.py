"""Every reason that a condition, a transition or an event may give: one closed list.

Each member carries what it means and, where people can do something about it, what: the troubleshooting page is made of
them. Reasons are CamelCase, as in Kubernetes.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why something is as it is."""

    meaning: str
    remedy: str

    def __new__(cls, value: str, meaning: str, remedy: str = "") -> Self:
        """Keep the texts beside the value; the value alone is compared and written."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        member.remedy = remedy
        member.__doc__ = f"{meaning} {remedy}".strip()
        return member

    # Training
    VERIFYING_ARTIFACT = "VerifyingArtifact", "The artefact is being fetched and its digests compared."
    ARTIFACT_VERIFIED = "ArtifactVerified", "The artefact is there and every file has the digest its manifest names."
    ARTIFACT_MISSING = (
        "ArtifactMissing",
        "The registry or the address holds no such artefact.",
        "Register the artefact, then delete this version and apply it again.",
    )
    ARTIFACT_DAMAGED = (
        "ArtifactDamaged",
        "The artefact's bytes differ from its manifest, or from the digest in spec.source.",
        "Train or upload the artefact again under a new version.",
    )
    ARTIFACT_CHANGED = (
        "ArtifactChanged",
        "What was evaluated or is served has another digest than the artefact that was verified.",
        "Find out who overwrote the artefact, then publish it under a new version.",
    )

    # Validation
    EVALUATING = "Evaluating", "The evaluation on held-out data is running."
    REPLAYING = "Replaying", "Recent real queries are being replayed against both versions."
    GATES_PASSED = "GatesPassed", "Every gate of the evaluation and of the replay passed."
    GATE_FAILED = (
        "GateFailed",
        "A gate of the evaluation or of the replay failed.",
        "Read the numbers in the message; train a better version, or change the gate for the next one.",
    )
    INCONCLUSIVE = (
        "Inconclusive",
        "The evidence neither passes nor fails: the interval of the value contains the limit.",
        "Wait for more data, or set intent to Abort.",
    )
    NO_DATA = (
        "NoData",
        "There are too few samples, none at all, or only old ones. This never counts as a pass or as a failure.",
        "Send traffic or feedback, or lower minSamples; it goes on by itself when data comes.",
    )
    ERROR = (
        "Error",
        "The evidence could not be obtained: the job or the metrics source failed.",
        "Read the message and repair the source; it is asked again by itself.",
    )
    RETRYING = "Retrying", "After unsettled evidence the next attempt waits for its back-off."
    BASELINE_CHANGED = (
        "BaselineChanged",
        "Another version became production since the evaluation, so the comparison is made again.",
    )

    # Staging, before the canary
    APPROVAL_NOT_REQUIRED = "ApprovalNotRequired", "The policy asks nobody."
    APPROVED_BY_POLICY = "ApprovedByPolicy", "The policy is Auto and every gate passed against production."
    APPROVED = "Approved", "A person other than the author approved these bytes and these results."
    AWAITING_APPROVAL = (
        "AwaitingApproval",
        "A person's approval is asked for and none that holds has been given.",
        "Run `recipes approve`, in a cluster `kubectl recipes approve`: it names digest and results of the status.",
    )
    APPROVAL_FORGED = (
        "ApprovalForged",
        "The approval names another approver than the identity that created it.",
        "The person named must create the approval.",
    )
    APPROVAL_BY_AUTHOR = (
        "ApprovalByAuthor",
        "The approver is the one who asked for the version; four eyes are wanted.",
        "Another person must approve. With approval.separation None the author may, from the next attempt on.",
    )
    APPROVAL_OF_OTHER_DIGEST = (
        "ApprovalOfOtherDigest",
        "The approval is of other bytes than those verified.",
        "Approve again with the digest of the status.",
    )
    APPROVAL_OF_OTHER_RESULTS = (
        "ApprovalOfOtherResults",
        "The results changed since the approval was given.",
        "Look at the new results and approve again.",
    )
    APPROVAL_EXPIRED = (
        "ApprovalExpired",
        "The approval is older than approval.expirySeconds and the canary had not begun.",
        "Approve again.",
    )
    APPROVAL_TIMED_OUT = (
        "ApprovalTimedOut",
        "Nobody approved within approval.deadlineSeconds.",
        "Publish the artefact under a new version when somebody has time to look.",
    )
    REJECTED = "Rejected", "A person rejected the version."
    ON_HOLD = "OnHold", "The version's intent is Hold: it is watched but does not advance.", "Set intent to Promote."
    PAUSED = "Paused", "The Model is paused: nothing advances, rollbacks still happen.", "Set paused to false."
    PINNED = (
        "Pinned",
        "The Model is pinned to another version.",
        "Clear spec.pinnedVersion, or pin to this version.",
    )
    QUEUED = "Queued", "Another version is being rolled out or watched; the newest that is ready goes next."
    ROLLBACK_IN_PROGRESS = "RollbackInProgress", "Production is being restored; nothing else moves until that is done."
    TRAFFIC_SPLIT_UNSUPPORTED = (
        "TrafficSplitUnsupported",
        "The rollout has steps, and the traffic provider cannot split traffic.",
        "Install a Gateway, or set rollout.steps to [] for this version.",
    )

    # Staging, the canary
    STARTING = "Starting", "The version's own serving starts; it gets no traffic until it is ready."
    SERVING_NOT_READY = (
        "ServingNotReady",
        "The version's serving was not ready by rollout.readyDeadlineSeconds.",
        "Read the events and logs of its pods.",
    )
    APPLYING_WEIGHT = "ApplyingWeight", "The traffic split was changed and is not yet read back as wanted."
    TRAFFIC_NOT_APPLIED = (
        "TrafficNotApplied",
        "The traffic split is still another than wanted after rollout.applyDeadlineSeconds.",
        "Look at the router: somebody else writes to it, or it refuses the split.",
    )
    ANALYSING = "Analysing", "The version answers its share of the users and is being watched."
    ANALYSIS_FAILED = (
        "AnalysisFailed",
        "More checks failed than rollout.analysis.failureLimit puts up with.",
        "Read the numbers in the message; production answers everybody again.",
    )
    PROMOTING = "Promoting", "Every step passed: all traffic moves, then the alias in the registry."

    # Production
    BAKING = "Baking", "In production and still watched, the previous version kept warm."
    IN_PRODUCTION = "InProduction", "In production; the bake is over."
    PROMOTED = "Promoted", "The version passed every step and became production."
    FIRST_VERSION = "FirstVersion", "There was nothing in production to compare with; absolute gates alone were judged."
    RESTORED = "Restored", "The version was brought back into production."
    ROLLING_BACK = "RollingBack", "The version leaves production; traffic moves first, then the alias."
    BAKE_FAILED = (
        "BakeFailed",
        "The version failed its checks while it was in production.",
        "With rollback.policy Manual: pin the Model to another version, or set the intent to Abort.",
    )
    SERVING_LOST = "ServingLost", "The version in production answered nobody for 30 s during its bake."
    NOTHING_TO_ROLL_BACK_TO = (
        "NothingToRollBackTo",
        "The version should leave production, and there is no earlier one to restore; it keeps serving.",
        "Publish a version that passes; it will replace this one.",
    )
    SUCCESSOR_NEEDED = (
        "SuccessorNeeded",
        "The version in production was asked to leave, and nothing can take its place; it keeps serving.",
        "Promote another version, or delete the Model.",
    )

    # Archived
    SUPERSEDED = "Superseded", "A newer version is in production."
    ROLLED_BACK = "RolledBack", "The version failed in production and the one before it was restored."
    PINNED_AWAY = "PinnedAway", "The Model was pinned to another version."
    ABORTED = "Aborted", "The version's intent is Abort."
    RETIRED = "Retired", "The version's intent is Retire."
    DELETED = "Deleted", "The version's object is being deleted."

    # The model as a whole
    NO_PRODUCTION = "NoProduction", "No version is in production yet."
    PRODUCTION_SERVES = "ProductionServes", "The version in production answers all users."
    PRODUCTION_NOT_READY = (
        "ProductionNotReady",
        "The version in production is not ready to answer.",
        "Read the events and logs of its pods.",
    )
    PRODUCTION_MISSING = (
        "ProductionMissing",
        "The object of the version in production is gone; what serves is left alone.",
        "Apply the version's manifest again, or promote another version.",
    )
    ROLLING_OUT = "RollingOut", "A version is on its way into production."
    RESTORE_BLOCKED = (
        "RestoreBlocked",
        "The version to restore does not become ready; production stays as it is meanwhile.",
        "Read the events and logs of its pods.",
    )
    PIN_REFUSED = (
        "PinRefused",
        "The pinned version does not exist, or ended without ever having been in production.",
        "Pin to a version that was in production, or that is a candidate.",
    )

    # Retraining
    RETRAINING_SCHEDULED = "RetrainingScheduled", "Retraining runs on its schedule."
    RETRAINING_SUSPENDED = "RetrainingSuspended", "The Model is paused, and its retraining with it."
    RETRAINING_NOT_SCHEDULED = "RetrainingNotScheduled", "The policy has no schedule, or nothing is in production yet."
    RETRAINING_STARTED = "RetrainingStarted", "New data or a loss of quality started a retraining."
    CANDIDATE_REGISTERED = "CandidateRegistered", "A retraining ended with a candidate, for which a version was made."
    NOTHING_LEARNED = (
        "NothingLearned",
        "A retraining found nothing to learn; the message says why.",
    )
    RETRAINING_FAILED = (
        "RetrainingFailed",
        "A retraining broke off.",
        "Read the job's log; the next run comes on schedule.",
    )


FAILURES = frozenset(
    {
        Reason.ARTIFACT_MISSING,
        Reason.ARTIFACT_DAMAGED,
        Reason.ARTIFACT_CHANGED,
        Reason.GATE_FAILED,
        Reason.INCONCLUSIVE,
        Reason.NO_DATA,
        Reason.ERROR,
        Reason.APPROVAL_TIMED_OUT,
        Reason.REJECTED,
        Reason.SERVING_NOT_READY,
        Reason.ANALYSIS_FAILED,
        Reason.BAKE_FAILED,
        Reason.SERVING_LOST,
        Reason.ROLLED_BACK,
        Reason.ABORTED,
    }
)
"""Reasons for which an archived version counts as failed; the others end a life that went as it should."""
