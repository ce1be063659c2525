"""What a retraining came to, and why. Values and their rules; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.evaluation.gates import GateResult


class Decision(StrEnum):
    """`LEARNED` alone makes a new version."""

    LEARNED = "Learned"
    NO_GAIN = "NoGain"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The floors and demands. Below `least_queries` a ranking learns noise: measured, 20 queries made it worse."""

    least_queries: int = 50
    few_queries: int = 100
    min_gain: float = 0.01
    min_gain_later: float = -0.01
    tolerated_loss: float = 0.02
    most_untrusted: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One demand on the candidate: met or not, and the arithmetic."""

    name: str
    passed: bool
    reason: str

    @classmethod
    def of(cls, name: str, gate: GateResult) -> Demand:
        """Read a gate's result."""
        return cls(name=name, passed=gate.passed, reason=gate.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision, its reasons and warnings in words, and the numbers behind it."""

    decision: Decision
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def refusal(queries: int, untrusted: float, policy: Policy) -> str | None:
    """Why nothing is to be learned from this feedback, None where it will do.

    `queries` are different queries with a choice, `untrusted` the share of sessions that were left out.
    """
    if queries < policy.least_queries:
        return f"{queries} distinct queries with clicks < {policy.least_queries}: too few to learn from"
    if untrusted > policy.most_untrusted:
        return f"{untrusted:.0%} of the sessions are no people's > {policy.most_untrusted:.0%}: the rest is not trusted"
    return None
