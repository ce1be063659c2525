"""What is known of a version: facts that were observed and counted, so that a restart forgets nothing.

No intentions: which step comes next follows from these facts and the policy, and is never written down.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from controller.resource.approval import Choice
from controller.resource.conditions import Condition
from controller.resource.fields import Measured
from controller.resource.policy import Policy
from controller.resource.reasons import Reason
from controller.stages import Stage
from mlops.judgement import Verdict

HISTORY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate's verdict with its numbers. `low` and `high` bound the value, the baseline taken as given."""

    metric: str
    verdict: Verdict
    value: Measured | None = None
    baseline: Measured | None = None
    low: Measured | None = None
    high: Measured | None = None
    samples: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at promotion. Its policy is a snapshot: edits reach the next attempt, never this one."""

    number: int
    started: datetime
    policy: Policy
    policy_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Evidence was unsettled: in which attempt last, how often in a row, since when, and when it is tried again."""

    attempt: int
    count: int
    errors: int
    since: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The artefact's digest as it was found, and when."""

    digest: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a job found, its run in MLflow, and the version it compared with (None: there was none)."""

    job: str
    run: str | None = None
    baseline: str | None
    at: datetime
    results: tuple[GateResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A person's decision, copied so that it outlives the ModelApproval. `by` is None where the policy decided."""

    choice: Choice
    by: str | None
    at: datetime
    digest: str
    results_hash: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The looks at live traffic in one phase. `done` numbers the next one; counts are of checks, not of gates.

    `asked_at`: since when the next one has been asked for without an answer. `evidence` numbers what is gathered now,
    from `evidence_since` on or from the moment the weight was applied.
    """

    done: int = 0
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    no_data: int = 0
    errors: int = 0
    passed_in_step: int = 0
    unsettled_in_row: int = 0
    unsettled_since: datetime | None = None
    last_at: datetime | None = None
    asked_at: datetime | None = None
    last: Verdict | None = None
    evidence: int = 0
    evidence_since: datetime | None = None
    results: tuple[GateResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A rollout's step. `applied_at`: since when its weight is read back; `waiting_since`: since when it is not."""

    step: int
    steps: int
    applied_at: datetime | None = None
    waiting_since: datetime | None = None
    checks: Checks = Checks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """The watch after 100 %. It is over once `ended_at` is set; nobody was answered since `lost_at`."""

    started_at: datetime
    ended_at: datetime | None = None
    checks: Checks = Checks()
    lost_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The version waits for a person or for better evidence, and says so."""

    reason: Reason
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The attempt is over; what remains is to take the version out of traffic and to archive it."""

    reason: Reason
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move between stages."""

    at: datetime
    origin: Stage
    target: Stage
    reason: Reason
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """The status of a ModelVersion. `reason` and `message` say why it is where it is."""

    stage: Stage = Stage.TRAINING
    since: datetime
    reason: Reason = Reason.VERIFYING_ARTIFACT
    message: str = ""
    observed_generation: int = 0
    weight: int = 0
    attempt: Attempt | None = None
    retries: Retries | None = None
    artifact: Verified | None = None
    evaluation: Evidence | None = None
    replay: Evidence | None = None
    results_hash: str | None = None
    approval: Decided | None = None
    canary: Canary | None = None
    bake: Bake | None = None
    held: Held | None = None
    outcome: Outcome | None = None
    promoted_at: datetime | None = None
    transitions: int = 0
    history: tuple[Transition, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def moved(self, target: Stage, reason: Reason, message: str, now: datetime) -> "VersionStatus":
        """The status in another stage, the move on record."""
        move = Transition(at=now, origin=self.stage, target=target, reason=reason, message=message)
        return replace(
            self,
            stage=target,
            since=now,
            reason=reason,
            message=message,
            transitions=self.transitions + 1,
            history=(*self.history, move)[-HISTORY:],
        )

    def because(self, reason: Reason, message: str) -> "VersionStatus":
        """The status with another headline; itself where the headline is the same."""
        if self.reason is reason and self.message == message:
            return self
        return replace(self, reason=reason, message=message)
