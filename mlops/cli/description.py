"""What `recipes describe` shows of a version, block by block, in the manner of `kubectl describe`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from controller.outlook import outlook
from mlops.cli.durations import instant, until
from mlops.cli.evidence import COLUMNS, evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from controller.resource.approval import ModelApproval
    from controller.resource.model import Model
    from controller.resource.policy import Policy
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import VersionStatus
    from mlops.embedded.records import Notice

Field = tuple[str, str]
SHOWN_NOTICES = 10


def described(
    version: ModelVersion, model: Model, approvals: Sequence[ModelApproval], notices: Sequence[Notice], now: datetime
) -> Iterator[RenderableType]:
    """The blocks of a description, to be printed one after the other."""
    status = version.status
    yield _fields("", [*_identity(version), *(_state(status) if status is not None else ())])
    if status is None:
        yield "Nobody has looked at it yet: it begins when `recipes up` runs."
        return
    if status.attempt is not None:
        attempt = status.attempt
        title = f"Policy of attempt {attempt.number} ({attempt.policy_hash})"
        yield _fields(title, _policy(attempt.policy))
    dues = outlook(version, model)
    if dues:
        yield _fields("Ahead", [(due.what, f"{until(due.at, now)}, {instant(due.at)}") for due in dues])
    yield _rows("Gates", COLUMNS, [row.cells for row in evidence(status)])
    conditions = [
        (each.type, each.status, each.reason, instant(each.last_transition_time), each.message)
        for each in status.conditions
    ]
    yield _rows("Conditions", ("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"), conditions)
    given = [
        (
            instant(each.meta.created),
            each.spec.decision,
            each.spec.approver,
            each.meta.created_by or "",
            each.spec.reason,
        )
        for each in approvals
    ]
    yield _rows("Approvals", ("WHEN", "DECISION", "APPROVER", "MADE BY", "REASON"), given)
    told = [(instant(each.at), each.reason, each.message) for each in notices[-SHOWN_NOTICES:]]
    yield _rows("Notices", ("WHEN", "REASON", "MESSAGE"), told)


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


def _fields(title: str, fields: Sequence[Field] | Iterator[Field]) -> RenderableType:
    rows = list(fields)
    width = max(len(name) for name, _ in rows) + 1
    lines = [f"{name + ':':<{width}}  {value}" for name, value in rows]
    return "\n".join([f"\n{title}:", *(f"  {line}" for line in lines)] if title else lines)


def _rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    if not rows:
        return f"\n{title}: none"
    table = Table(title=f"\n{title}:", title_justify="left", title_style="", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
