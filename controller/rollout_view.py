"""What a page shows of a model's rollout, from its resources. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.stages import Stage
from mlops.status_page.rollout import GateLine, Rollout, VersionLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import GateResult, VersionStatus

_ENDED = 3


def rollout_of(model: Model, versions: Sequence[ModelVersion]) -> Rollout:
    """Return the versions that something may still happen to, and those that ended last."""
    slots = model.status
    known = [(each.spec.version, each.status) for each in versions if each.status is not None]
    alive = [(number, status) for number, status in known if status.stage is not Stage.ARCHIVED]
    ended = sorted(
        ((number, status) for number, status in known if status.stage is Stage.ARCHIVED),
        key=lambda each: each[1].since,
        reverse=True,
    )
    return Rollout(
        model=model.name,
        reason=str(slots.reason) if slots else "not looked at yet",
        production=slots.production if slots else None,
        notes=tuple(_notes(model)),
        versions=tuple(_line(number, status) for number, status in [*alive, *ended[:_ENDED]]),
    )


def _notes(model: Model) -> Iterator[str]:
    if model.spec.paused:
        yield "The Model is paused."
    if model.spec.pinned_version is not None:
        yield f"The Model is pinned to {model.spec.pinned_version}."
    if model.status is not None and model.status.queue:
        yield f"In the queue: {', '.join(model.status.queue)}."


def _line(number: str, status: VersionStatus) -> VersionLine:
    return VersionLine(
        version=number,
        stage=status.stage.value,
        reason=status.reason.value,
        message=status.message,
        weight=status.weight,
        progress=_progress(status),
        gates=tuple(_gates(status)),
    )


def _progress(status: VersionStatus) -> str:
    if status.bake is not None and status.bake.ended_at is None and status.stage is Stage.PRODUCTION:
        return "bake"
    if status.canary is None or status.stage is not Stage.STAGING:
        return ""
    return f"step {min(status.canary.step + 1, status.canary.steps)} of {status.canary.steps}"


def _gates(status: VersionStatus) -> Iterator[GateLine]:
    found: list[tuple[str, Sequence[GateResult]]] = []
    if status.evaluation is not None:
        found.append(("evaluation", status.evaluation.results))
    if status.replay is not None:
        found.append(("replay", status.replay.results))
    if status.canary is not None:
        found.append(("canary", status.canary.checks.results))
    if status.bake is not None:
        found.append(("bake", status.bake.checks.results))
    for phase, results in found:
        for each in results:
            yield GateLine(phase=phase, metric=each.metric, verdict=each.verdict.value, told=each.message)
