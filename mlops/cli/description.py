"""What `recipes describe` shows of a version, in the manner of `kubectl describe`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.outlook import outlook
from mlops.cli.console import aligned
from mlops.cli.durations import instant, until
from mlops.cli.evidence import COLUMNS, evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from controller.resource.approval import ModelApproval
    from controller.resource.conditions import Condition
    from controller.resource.model import Model
    from controller.resource.policy import Policy
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import VersionStatus
    from mlops.embedded.records import Notice

Field = tuple[str, str]
SHOWN_NOTICES = 10


def described(
    version: ModelVersion, model: Model, approvals: Sequence[ModelApproval], notices: Sequence[Notice], now: datetime
) -> Iterator[str]:
    """The lines of a description."""
    status = version.status
    yield from _fields([*_identity(version), *(_state(status) if status is not None else ())])
    if status is None:
        yield "Nobody has looked at it yet: it begins when `recipes up` runs."
        return
    if status.attempt is not None:
        attempt = status.attempt
        title = f"Policy of attempt {attempt.number} ({attempt.policy_hash})"
        yield from _block(title, _fields(_policy(attempt.policy)))
    dues = outlook(version, model)
    if dues:
        ahead = [(due.what, f"{until(due.at, now)}, {instant(due.at)}") for due in dues]
        yield from _block("Ahead", _fields(ahead))
    yield from _rows("Gates", COLUMNS, [row.cells for row in evidence(status)])
    yield from _rows("Conditions", _CONDITION, [_condition(each) for each in status.conditions])
    yield from _rows("Approvals", _APPROVAL, [_approval(each) for each in approvals])
    told = [(instant(each.at), each.reason, each.message) for each in notices[-SHOWN_NOTICES:]]
    yield from _rows("Notices", ("WHEN", "REASON", "MESSAGE"), told)


_CONDITION = ("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE")
_APPROVAL = ("WHEN", "DECISION", "APPROVER", "MADE BY", "REASON")


def _condition(found: Condition) -> tuple[str, ...]:
    return found.type, found.status, found.reason, instant(found.last_transition_time), found.message


def _approval(given: ModelApproval) -> tuple[str, ...]:
    spec, meta = given.spec, given.meta
    return instant(meta.created), spec.decision, spec.approver, meta.created_by or "", " ".join(spec.reason.split())


def _identity(version: ModelVersion) -> Iterator[Field]:
    spec = version.spec
    yield "Name", version.name
    yield "Model", spec.model
    yield "Version", spec.version
    yield "Intent", spec.intent
    if version.meta.deleting:
        yield "Deleting since", instant(version.meta.deleted_at)
    entry = spec.source.registry
    named = f"{entry.name} {entry.version or spec.version}" if entry is not None else f"{spec.model} {spec.version}"
    yield "Source", spec.source.uri or f"registry: {named}"
    if spec.lineage.parent is not None:
        yield "Parent", spec.lineage.parent
    yield "Trigger", spec.lineage.trigger
    yield "Asked for by", spec.requested_by or version.meta.created_by or "nobody known"
    yield "Created", instant(version.meta.created)


def _state(status: VersionStatus) -> Iterator[Field]:
    yield "Stage", f"{status.stage} since {instant(status.since)}"
    yield "Reason", f"{status.reason}: {status.message or status.reason.meaning}"
    if status.reason.remedy:
        yield "What to do", status.reason.remedy
    yield "Weight", f"{status.weight} %"
    if status.canary is not None:
        yield "Canary", f"step {min(status.canary.step + 1, status.canary.steps)} of {status.canary.steps}"
    if status.artifact is not None:
        yield "Digest", status.artifact.digest
    if status.results_hash is not None:
        yield "Results", status.results_hash
    if status.approval is not None:
        yield "Approved by", status.approval.by or "the policy, which asks nobody"
    if status.promoted_at is not None:
        yield "In production", f"first at {instant(status.promoted_at)}"


def _policy(policy: Policy) -> Iterator[Field]:
    steps = ", ".join(f"{step.weight} % for {step.pause_seconds} s" for step in policy.rollout.steps)
    rules = policy.rollout.analysis
    yield "Approval", f"{policy.approval.policy}, separation {policy.approval.separation}"
    yield "Steps", steps or "none: all users at once"
    yield (
        "Analysis",
        f"every {rules.interval_seconds} s over {rules.window_seconds} s, failureLimit {rules.failure_limit}",
    )
    yield "Rollback", f"{policy.rollback.policy}, bake {policy.rollback.bake_seconds} s"


def _fields(fields: Iterable[Field]) -> Iterator[str]:
    rows = list(fields)
    width = max(len(name) for name, _ in rows) + 1
    return (f"{name + ':':<{width}}  {value}" for name, value in rows)


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    yield from (f"  {line}" for line in lines)


def _rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    return _block(title, aligned(columns, rows) if rows else ["none"])
