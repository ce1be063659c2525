"""The state of the service as one word and a reason per component. Pure: who measures is in `routes_health`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops.monitoring.alerts import Severity
from predictor.ports import Component
from predictor.slot import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlops.monitoring.alerts import Alert
    from predictor.ports import ComponentStatus
    from predictor.slot import Share, SlotState

Status = Literal["ok", "degraded", "unavailable"]

# Without these nothing can be answered; a fault of any other component only makes answers poorer.
VITAL = frozenset({"model", "index"})

_BADNESS: tuple[ComponentStatus, ...] = ("unknown", "not_configured", "ok", "degraded", "unavailable")
_MEBIBYTE = 1 << 20
# A feedback is acknowledged once it is on disk, within milliseconds; a volume that hangs says nothing of itself.
_SLOW_WRITE = 10.0


def overall(components: Mapping[str, Component], alerts: Iterable[Alert] = ()) -> Status:
    """Return unavailable if a vital component is, degraded if anything is not as it should be, else ok.

    Of alerts the critical ones count: an odd minute makes no answer worse.
    """
    if any(components[name].status == "unavailable" for name in VITAL & components.keys()):
        return "unavailable"
    if any(component.status in ("degraded", "unavailable") for component in components.values()):
        return "degraded"
    if any(alert.kind.severity is Severity.CRITICAL for alert in alerts):
        return "degraded"
    return "ok"


def model_component(state: SlotState) -> Component:
    """Judge the slot: a failed swap behind a served model is a degradation, not an outage."""
    if state.served is None:
        return Component(status="unavailable", reason=state.silence)
    split = _split(state.shares)
    if state.failure is not None:
        return Component(status="degraded", reason=f"still serving {split}, a newer model failed: {state.failure}")
    return Component(status="ok", reason=f"serving {state.served.name} {split}")


def index_component(state: SlotState) -> Component:
    """Judge what can be searched."""
    if not state.shares:
        # One fault, and the model's: two alerts about it would be one too many.
        return Component(status="unknown", reason="no model is loaded")
    empty = [share for share in state.shares if share.served.recipes == 0]
    if empty:
        status: ComponentStatus = "degraded" if len(empty) < len(state.shares) else "unavailable"
        return Component(status=status, reason=f"no recipe is in {_split(empty)}")
    counts = dict.fromkeys(f"{share.served.recipes} recipes" for share in state.shares)
    return Component(status="ok", reason=", ".join(counts))


def _split(shares: Sequence[Share]) -> str:
    """Name versions, and their shares where that is not everybody."""
    named = (f"{share.served.version}{'' if share.weight == ALL else f' ({share.weight} %)'}" for share in shares)
    return ", ".join(named)


def translator_component(outcomes: Sequence[bool]) -> Component:
    """Judge the translator by its last outcomes on queries that were not in English (True: translated)."""
    if not outcomes:
        return Component(status="unknown", reason="no Spanish query has been asked yet")
    failed = outcomes.count(False)
    if failed == 0:
        return Component(status="ok", reason=f"the last {len(outcomes)} Spanish queries were translated")
    return Component(
        status="degraded",
        reason=f"{failed} of the last {len(outcomes)} Spanish queries were answered untranslated",
    )


def worse(left: Component, right: Component) -> Component:
    """Return the one that is in the worse state, `left` where both are in the same."""
    return right if _BADNESS.index(right.status) > _BADNESS.index(left.status) else left


def feedback_component(*, configured: bool, failure: str | None, waiting: int = 0, seconds: float = 0.0) -> Component:
    """Judge the feedback store by its last write, and by how many `seconds` the oldest of those `waiting` waits."""
    if not configured:
        return Component(status="not_configured", reason="no feedback folder is set; feedback is refused")
    if failure is not None:
        return Component(status="degraded", reason=f"the last write failed: {failure}")
    if seconds > _SLOW_WRITE:
        told = f"{waiting} feedbacks wait for the disk, the oldest for {seconds:.0f} s > {_SLOW_WRITE:g} s"
        return Component(status="degraded", reason=told)
    return Component(status="ok", reason="writable")


def disk_component(*, free_bytes: int, least_bytes: int) -> Component:
    """Judge the free space where the service writes."""
    free, least = free_bytes // _MEBIBYTE, least_bytes // _MEBIBYTE
    if free_bytes < least_bytes:
        return Component(status="degraded", reason=f"{free} MiB free < {least} MiB wanted")
    return Component(status="ok", reason=f"{free} MiB free")
