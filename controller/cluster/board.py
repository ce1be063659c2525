"""What stands on the board for each version that is not archived: stage, weight, and what its gates measured last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from controller.gates import limit
from controller.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from controller.cluster.key import Key
    from controller.resource.gate import Gate
    from controller.resource.version_status import GateResult, VersionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """One gate as it was judged last. `limit` is the number that the value was held against."""

    phase: str
    metric: str
    value: Decimal | None
    limit: Decimal | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One version."""

    version: str
    stage: Stage
    weight: int
    gates: tuple[GateLine, ...] = ()


class Board:
    """Written by whoever settles a model, read by whoever asks for metrics."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lines: dict[Key, tuple[Line, ...]] = {}
        self._archived: dict[Key, int] = {}

    def show(self, model: Key, statuses: Mapping[str, VersionStatus]) -> None:
        """Show these instead of what was shown of the model."""
        alive = {number: status for number, status in statuses.items() if status.stage is not Stage.ARCHIVED}
        lines = tuple(line_of(number, status) for number, status in sorted(alive.items()))
        with self._lock:
            self._lines[model] = lines
            self._archived[model] = len(statuses) - len(alive)

    def forget(self, model: Key) -> None:
        """Show nothing of a model any more."""
        with self._lock:
            self._lines.pop(model, None)
            self._archived.pop(model, None)

    def lines(self) -> dict[Key, tuple[Line, ...]]:
        """Return what is shown, by model."""
        with self._lock:
            return dict(self._lines)

    def stages(self) -> dict[Key, Counter[Stage]]:
        """Return how many versions are in each stage, by model."""
        with self._lock:
            lines, archived = dict(self._lines), dict(self._archived)
        return {
            model: Counter({Stage.ARCHIVED: archived[model], **Counter(line.stage for line in shown)})
            for model, shown in lines.items()
        }


def line_of(version: str, status: VersionStatus) -> Line:
    """Return what is shown of a version."""
    policy = status.attempt.policy if status.attempt else None
    gates: list[GateLine] = []
    if policy is not None:
        if status.evaluation is not None:
            gates += _gate_lines("evaluation", policy.evaluation.gates, status.evaluation.results)
        if status.canary is not None:
            gates += _gate_lines("canary", policy.rollout.analysis.gates, status.canary.checks.results)
        if status.bake is not None:
            gates += _gate_lines("bake", policy.rollout.analysis.gates, status.bake.checks.results)
    return Line(version=version, stage=status.stage, weight=status.weight, gates=tuple(gates))


def _gate_lines(phase: str, gates: tuple[Gate, ...], results: tuple[GateResult, ...]) -> list[GateLine]:
    judged = {result.metric: result for result in results}
    return [
        GateLine(
            phase=phase,
            metric=gate.metric,
            value=judged[gate.metric].value,
            limit=limit(gate, judged[gate.metric].baseline),
            samples=judged[gate.metric].samples,
        )
        for gate in gates
        if gate.metric in judged
    ]
