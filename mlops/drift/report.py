"""What a comparison of two windows comes to: one line for each test, and whether they say that something changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.drift.windows import Window


class Verdict(StrEnum):
    """`NO_DATA` is no all-clear: there was too little to compare."""

    DRIFT = "Drift"
    NO_DRIFT = "NoDrift"
    NO_DATA = "NoData"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTest:
    """One feature's test: drifted where the corrected `p` is below the level and the `effect` is large enough."""

    feature: str
    measure: str
    p: float
    p_corrected: float
    effect: float
    least_effect: float
    level: float
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def drifted(self) -> bool:
        """Beyond chance, and beyond what does not matter."""
        return self.p_corrected < self.level and self.effect >= self.least_effect

    @property
    def reason(self) -> str:
        """The arithmetic in words."""
        chance = "<" if self.p_corrected < self.level else ">="
        size = ">=" if self.effect >= self.least_effect else "<"
        return (
            f"{self.feature}: {self.measure} {self.effect:.3f} {size} {self.least_effect:g}, "
            f"p {self.p_corrected:.2g} {chance} {self.level:g}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The tests of one comparison, and the windows that were compared."""

    verdict: Verdict
    reasons: tuple[str, ...]
    tests: tuple[DriftTest, ...]
    reference: Window
    current: Window

    @property
    def drift(self) -> bool:
        """Whether any test drifted."""
        return self.verdict is Verdict.DRIFT

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "drift": self.drift,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "tests": [_row(test) for test in self.tests],
            "reference": _window(self.reference),
            "current": _window(self.current),
        }


def _row(test: DriftTest) -> dict[str, Any]:
    return {
        "feature": test.feature,
        "drifted": test.drifted,
        "measure": test.measure,
        "effect": round(test.effect, 6),
        "least_effect": test.least_effect,
        "p": test.p,
        "p_corrected": test.p_corrected,
        "level": test.level,
        "details": {name: round(value, 6) for name, value in test.details.items()},
        "reason": test.reason,
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "queries": len(window.events),
        "since": window.since.isoformat() if window.since else None,
        "until": window.until.isoformat() if window.until else None,
        "left_out": dict(window.left_out),
    }
