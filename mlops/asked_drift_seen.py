"""What reports of drift say about a retraining; apart from the comparison, whose tools a service need not load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.drift.persistence import WINDOWS, persisted
from mlops.retraining import DriftSeen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def seen(reports: Sequence[Mapping[str, Any]], needed: int = WINDOWS) -> DriftSeen:
    """What a retraining is decided by. A window with too little in it neither confirms nor clears: it is left out."""
    told = [report for report in reports if report["verdict"] != "NoData"]
    latest = told[-1] if told else None
    return DriftSeen(
        windows=tuple(bool(report["drift"]) for report in told),
        lasting=persisted(reports, needed),
        told="too little was asked to compare"
        if latest is None
        else "; ".join([*latest["reasons"], *_changes(reports)]),
    )


def _changes(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Since when what is asked is another, in words; the latest report knows."""
    return [f"changed: {change['reason']}" for change in reports[-1].get("changes", ())]
