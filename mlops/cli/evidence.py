"""The gates of a version with value, baseline, limit, samples and verdict: rows for a screen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.gates import limits
from mlops.judgement import Verdict, number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from controller.resource.gate import Gate
    from controller.resource.version_status import GateResult, VersionStatus

COLUMNS = ("PHASE", "GATE", "VALUE", "BASELINE", "LIMIT", "SAMPLES", "VERDICT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One gate as it was judged last; numbers are text, empty where there is none."""

    phase: str
    metric: str
    value: str
    baseline: str
    limit: str
    samples: int
    verdict: Verdict
    message: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row under COLUMNS."""
        return (self.phase, self.metric, self.value, self.baseline, self.limit, str(self.samples), str(self.verdict))


def evidence(status: VersionStatus) -> tuple[Row, ...]:
    """Everything that was judged in the present attempt, in the order in which it was."""
    return tuple(row for _, rows in _phases(status) for row in rows)


def latest(status: VersionStatus) -> tuple[Row, ...]:
    """What was judged last: the checks in the traffic, or before there are any, evaluation and replay."""
    phases = dict(_phases(status))
    live = phases.get("bake") or phases.get("canary")
    return live or evidence(status)


def passed(status: VersionStatus) -> str:
    """How many gates of evaluation and replay passed, of how many that were judged."""
    offline = [row for phase, rows in _phases(status) if phase in ("evaluation", "replay") for row in rows]
    if not offline:
        return "-"
    return f"{sum(row.verdict is Verdict.PASSED for row in offline)}/{len(offline)}"


def _phases(status: VersionStatus) -> Iterator[tuple[str, tuple[Row, ...]]]:
    policy = status.attempt.policy if status.attempt is not None else None
    asked = policy.evaluation.gates if policy else ()
    watched = policy.rollout.analysis.gates if policy else ()
    if status.evaluation is not None:
        yield "evaluation", _rows("evaluation", status.evaluation.results, asked)
    if status.replay is not None:
        yield "replay", _rows("replay", status.replay.results, policy.evaluation.replay.gates if policy else ())
    if status.canary is not None:
        yield "canary", _rows("canary", status.canary.checks.results, watched)
    if status.bake is not None:
        yield "bake", _rows("bake", status.bake.checks.results, watched)


def _rows(phase: str, results: Iterable[GateResult], gates: Iterable[Gate]) -> tuple[Row, ...]:
    known = {gate.metric: gate for gate in gates}
    return tuple(_row(phase, result, known.get(result.metric)) for result in results)


def _row(phase: str, result: GateResult, gate: Gate | None) -> Row:
    return Row(
        phase=phase,
        metric=result.metric or "-",
        value=_number(result.value),
        baseline=_number(result.baseline),
        limit="; ".join(limits(gate, result.baseline)) if gate is not None else "",
        samples=result.samples,
        verdict=result.verdict,
        message=result.message,
    )


def _number(value: Decimal | None) -> str:
    return "" if value is None else number_text(value)
