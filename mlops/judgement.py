"""What a gate demands, and whether evidence that will not grow meets it. Pure; the one arithmetic of all gates.

The vocabulary is that of MLflow's model validation: a threshold, the least absolute and relative change against a
baseline, and whether greater is better. Changes are counted in the better direction, so a least absolute change of
-0.01 tolerates a loss of 0.01 whichever way the metric points. A least effect says which loss is none at all, however
large a share of a small baseline it is. Evidence that grows is judged by `controller.gates`,
against the same limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

_SHOWN_DIGITS = 4


class Verdict(StrEnum):
    """What evidence says of a gate. Only `Passed` promotes, only `Failed` rolls back; the others wait."""

    PASSED = "Passed"
    INCONCLUSIVE = "Inconclusive"
    NO_DATA = "NoData"
    ERROR = "Error"
    FAILED = "Failed"

    @property
    def settled(self) -> bool:
        """True where the evidence is enough to act on."""
        return self in (Verdict.PASSED, Verdict.FAILED)


class Demanding(Protocol):
    """What is demanded of one metric, by a policy's gate or by a training's."""

    @property
    def metric(self) -> str: ...  # noqa: D102 - as said above
    @property
    def threshold(self) -> Decimal | None: ...  # noqa: D102
    @property
    def min_absolute_change(self) -> Decimal | None: ...  # noqa: D102
    @property
    def min_relative_change(self) -> Decimal | None: ...  # noqa: D102
    @property
    def min_effect(self) -> Decimal | None: ...  # noqa: D102
    @property
    def rises(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that the value must reach, and how it came about; `change` is the demanded one, for the better."""

    number: Decimal
    phrase: str
    change: Decimal | None = None
    baseline: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A value, the baseline's, and where both are of the same queries the interval of the value, given the baseline."""

    value: Decimal
    baseline: Decimal | None = None
    interval: tuple[Decimal, Decimal] | None = None


def limits(gate: Demanding, baseline: Decimal | None) -> list[Limit]:
    """The numbers that a gate demands beside this baseline; without one the threshold alone."""
    found = []
    if gate.threshold is not None:
        found.append(Limit(gate.threshold, f"threshold {number_text(gate.threshold)}"))
    if baseline is None:
        return found
    if gate.min_absolute_change is not None:
        found.append(_changed(gate, baseline, gate.min_absolute_change, number_text(abs(gate.min_absolute_change))))
    if gate.min_relative_change is not None:
        change, percent = abs(baseline) * gate.min_relative_change, abs(gate.min_relative_change) * 100
        shown = f"{number_text(percent)} %"
        if gate.min_effect is not None and change <= 0 and -change < gate.min_effect:
            change, shown = -gate.min_effect, number_text(gate.min_effect)
        found.append(_changed(gate, baseline, change, shown))
    return found


def reached(gate: Demanding, limit: Limit, evidence: Evidence) -> tuple[Verdict, str]:
    """Compare with one limit, where no more evidence will come: the value first, then what its interval leaves open.

    A demanded gain (> 0) must be one beyond chance. A tolerated loss (<= 0) must be no loss beyond chance, or stay
    within the tolerance beyond chance: that two equal versions differ a little by chance is no reason to refuse one.
    """
    good, bad = signs(gate)
    shown = f"{gate.metric} {number_text(evidence.value)}"
    if not reaches(gate, evidence.value, limit.number):
        return Verdict.FAILED, f"{shown} {bad} {limit.phrase}"
    told = f"{shown} {good} {limit.phrase}"
    if limit.change is None or evidence.baseline is None or evidence.interval is None:
        return Verdict.PASSED, told
    low, high = sorted(better(gate, end, evidence.baseline) for end in evidence.interval)
    if limit.change > 0 >= low:
        return Verdict.FAILED, f"{told}, but the gain may be chance, {low:+.4g} <= 0"
    if limit.change <= 0 and high < 0 and low < limit.change:
        doubt = f"it is a loss beyond chance that may exceed the tolerance, {low:+.4g} < {limit.change:+.4g}"
        return Verdict.FAILED, f"{told}, but {doubt}"
    return Verdict.PASSED, told


def reaches(gate: Demanding, value: Decimal, limit: Decimal) -> bool:
    """Whether a value is on the good side of a limit, which belongs to it."""
    return value >= limit if gate.rises else value <= limit


def better(gate: Demanding, value: Decimal, baseline: Decimal) -> Decimal:
    """The change from the baseline to a value, in the better direction."""
    return value - baseline if gate.rises else baseline - value


def signs(gate: Demanding) -> tuple[str, str]:
    """How a limit that is met is written, and one that is missed."""
    return (">=", "<") if gate.rises else ("<=", ">")


def worst(verdicts: list[Verdict]) -> Verdict:
    """One verdict for several: a failure outweighs all, and anything unsettled outweighs a pass."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.PASSED)


def number_text(number: Decimal) -> str:
    """A number to four significant digits, without exponent or trailing zeros."""
    if number.is_infinite():
        return "-∞" if number < 0 else "∞"
    rounded = f"{number:.{_SHOWN_DIGITS}g}"
    return f"{Decimal(rounded).normalize():f}"


def decimal_of(number: float) -> Decimal:
    """A measured number, with as many digits as mean something."""
    return Decimal(f"{number:.6g}")


def _changed(gate: Demanding, baseline: Decimal, change: Decimal, shown: str) -> Limit:
    """The limit at a `change` for the better from the baseline."""
    step = change if gate.rises else -change
    sign = "-" if step < 0 else "+"
    told = f"baseline {number_text(baseline)} {sign} {shown} = {number_text(baseline + step)}"
    return Limit(baseline + step, told, change, baseline)
