"""One row for each resource, under the columns that `recipes get` and `kubectl get` show. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.resource.conditions import Kind, find
from controller.resource.meta import version_name
from mlops.cli.durations import age
from mlops.cli.evidence import passed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from controller.resource.approval import ModelApproval
    from controller.resource.conditions import Condition
    from controller.resource.model import Model
    from controller.resource.version import ModelVersion

MODEL_COLUMNS = ("NAME", "PRODUCTION", "CANARY", "TRAFFIC", "PINNED", "PAUSED", "READY", "REASON", "AGE")
VERSION_COLUMNS = ("NAME", "MODEL", "VERSION", "STAGE", "WEIGHT", "GATES", "APPROVED", "READY", "AGE")
APPROVAL_COLUMNS = ("NAME", "VERSION", "DECISION", "APPROVER", "BY", "RESULTS", "REASON", "AGE")
NOTHING = "-"
DIGITS = 19  # of a digest: `sha256:` and enough to tell two apart


def model_row(model: Model, traffic: Mapping[str, int], now: datetime) -> tuple[str, ...]:
    """A Model under MODEL_COLUMNS."""
    status = model.status
    return (
        model.name,
        (status.production if status else None) or NOTHING,
        (status.canary if status else None) or NOTHING,
        split(traffic) or NOTHING,
        model.spec.pinned_version or NOTHING,
        "yes" if model.spec.paused else "no",
        _truth(status.conditions if status else (), Kind.READY),
        str(status.reason) if status else NOTHING,
        age(model.meta.created, now),
    )


def version_row(version: ModelVersion, traffic: Mapping[str, int], now: datetime) -> tuple[str, ...]:
    """A ModelVersion under VERSION_COLUMNS; one that is being deleted says so instead of its stage."""
    status = version.status
    conditions = status.conditions if status else ()
    stage = str(status.stage) if status else "Pending"
    return (
        version.name,
        version.spec.model,
        version.spec.version,
        f"{stage} (deleting)" if version.meta.deleting else stage,
        f"{traffic.get(version.spec.version, 0)}%",
        passed(status) if status else NOTHING,
        _truth(conditions, Kind.APPROVED),
        _truth(conditions, Kind.READY),
        age(version.meta.created, now),
    )


def approval_row(approval: ModelApproval, now: datetime) -> tuple[str, ...]:
    """A ModelApproval under APPROVAL_COLUMNS; BY is who made it, which decides whether it counts."""
    spec = approval.spec
    return (
        approval.meta.name,
        version_name(spec.model, spec.version),
        str(spec.decision),
        spec.approver,
        approval.meta.created_by or NOTHING,
        (spec.results_hash or NOTHING)[:DIGITS],
        " ".join(spec.reason.split()) or NOTHING,
        age(approval.meta.created, now),
    )


def split(traffic: Mapping[str, int]) -> str:
    """The split in a line, such as `1.0.0 90%, 1.1.0 10%`."""
    return ", ".join(f"{version} {weight}%" for version, weight in traffic.items())


def _truth(conditions: tuple[Condition, ...], kind: Kind) -> str:
    condition = find(conditions, kind)
    return str(condition.status) if condition is not None else "Unknown"
