"""One gate, one sample, one verdict, with the arithmetic in the message. Pure.

The arithmetic is that of `mlops.judgement`. What is added are evidence that grows, by bounds, and the verdicts for
evidence that is not there: NoData, Error and Inconclusive never pass and never fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from controller.metrics import metric
from controller.resource.conditions import bounded
from controller.resource.version_status import GateResult
from mlops import judgement
from mlops.judgement import Evidence, Limit, Verdict, better, number_text, reaches, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from controller.observation import Sample
    from controller.resource.gate import Gate

_GREATEST_EXPONENT = 30
_INFINITY = Decimal("Infinity")
_TWELVE_DIGITS = Context(prec=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether a baseline is to be expected; and what it measured last, for when it rests."""

    expected: bool
    references: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Data older than `oldest`, or newer than `newest`, is not of the window that was asked for."""

    oldest: datetime
    newest: datetime

    @classmethod
    def around(cls, at: datetime, seconds: int) -> Freshness:
        """At most `seconds` old, and not from the future by more than that: clocks of two machines differ."""
        return cls(oldest=at - timedelta(seconds=seconds), newest=at + timedelta(seconds=seconds))

    def fits(self, newest: datetime | None) -> bool:
        """A source that does not say how new its data is is believed."""
        return newest is None or self.oldest <= newest <= self.newest


def judge(gate: Gate, sample: Sample | None, comparison: Comparison, fresh: Freshness | None = None) -> GateResult:
    """Judge one sample, by ordered questions: is there something to compare with, is it usable, does it suffice.

    `fresh` is what evidence that grows has to be: bounds that contain the limit then are Inconclusive, for more will
    come. Without it the evidence is all there will ever be, and is judged as `mlops.judgement` says.
    """
    baseline = _baseline(gate, sample, comparison)
    known = metric(gate.metric)
    needs_both = gate.threshold is None or (known is not None and known.paired)
    if needs_both and baseline is None and not comparison.expected:
        message = f"{gate.metric}: nothing in production to compare with (NoBaseline), not applicable"
        return _result(gate, sample, None, Verdict.PASSED, message)
    flaw = _flaw(gate, sample, fresh)
    if flaw is not None:
        return _result(gate, sample, baseline, *flaw)
    if gate.comparative and baseline is None and comparison.expected:
        return _result(gate, sample, None, Verdict.NO_DATA, f"{gate.metric}: no value of production to compare with")
    found = _against_limits(gate, sample, baseline, grows=fresh is not None)
    if found.samples >= gate.min_samples or (_bounded(sample) and found.verdict is Verdict.FAILED):
        return found
    message = f"{gate.metric}: {found.samples} samples < minSamples {gate.min_samples}"
    return _result(gate, sample, baseline, Verdict.NO_DATA, message)


def limits(gate: Gate, baseline: Decimal | None) -> tuple[str, ...]:
    """What a gate demands beside this baseline, in words: `>= baseline 0.44 - 0.01 = 0.43`."""
    good, _ = judgement.signs(gate)
    return tuple(f"{good} {limit.phrase}" for limit in judgement.limits(gate, baseline))


def limit(gate: Gate, baseline: Decimal | None) -> Decimal | None:
    """The number that a gate demands beside this baseline, the strictest of several; None where it demands none."""
    demanded = [limit.number for limit in judgement.limits(gate, baseline)]
    if not demanded:
        return None
    return max(demanded) if gate.rises else min(demanded)


def summary(results: tuple[GateResult, ...], verdict: Verdict) -> str:
    """The messages of the gates that decided the verdict."""
    deciding = [result.message for result in results if result.verdict is verdict]
    return bounded("; ".join(deciding)) if deciding else "no gates"


def _flaw(gate: Gate, sample: Sample | None, fresh: Freshness | None) -> tuple[Verdict, str] | None:
    """Why a sample cannot be judged; None where it can."""
    if sample is None or sample.value is None or sample.value.is_nan():
        return Verdict.NO_DATA, f"{gate.metric}: no value"
    if not _credible(sample.value):
        return Verdict.ERROR, f"{gate.metric}: the source says {sample.value}"
    if fresh is not None and not fresh.fits(sample.newest):
        when = sample.newest.isoformat(timespec="seconds") if sample.newest else ""
        wanted = fresh.oldest.isoformat(timespec="seconds")
        return Verdict.NO_DATA, f"{gate.metric}: data of {when}, wanted from {wanted} on"
    return None


def _against_limits(gate: Gate, sample: Sample | None, baseline: Decimal | None, *, grows: bool) -> GateResult:
    assert sample is not None  # noqa: S101 - asked by `_flaw`
    assert sample.value is not None  # noqa: S101 - as above
    low, high = sample.low, sample.high
    interval = None if low is None or high is None or not _bounded(sample) else (low, high)
    evidence = Evidence(value=sample.value, baseline=sample.baseline, interval=interval)
    findings = [
        _reached(gate, sample, evidence.value, limit) if grows else judgement.reached(gate, limit, evidence)
        for limit in judgement.limits(gate, baseline)
    ]
    findings += [(Verdict.FAILED, told) for told in _lost_slices(gate, sample)]
    verdict = worst([verdict for verdict, _ in findings])
    message = "; ".join(text for found, text in findings if found is verdict)
    return _result(gate, sample, baseline, verdict, f"{message} (n={sample.samples})")


def _reached(gate: Gate, sample: Sample, value: Decimal, limit: Limit) -> tuple[Verdict, str]:
    """Compare with one limit. With bounds, both must lie on one side of it for a verdict; they may be infinite.

    A value beyond what a comparison allows is no proof that the truth is. That it is worse than the baseline at all is
    enough to take users back, and much sooner known: as for evidence that will not grow, see `mlops.judgement`.
    """
    low = value if sample.low is None else _bound(sample.low, -_INFINITY)
    high = value if sample.high is None else _bound(sample.high, _INFINITY)
    good, bad = judgement.signs(gate)
    worst_end, best_end = (low, high) if gate.rises else (high, low)
    shown = f"{gate.metric} {number_text(value)}"
    if reaches(gate, worst_end, limit.number):
        return Verdict.PASSED, f"{shown} {good} {limit.phrase}"
    if not reaches(gate, best_end, limit.number):
        return Verdict.FAILED, f"{shown} {bad} {limit.phrase}"
    if not reaches(gate, value, limit.number) and _worse(gate, sample, best_end, limit):
        return Verdict.FAILED, f"{shown} {bad} {limit.phrase}, and worse than the baseline beyond chance"
    return Verdict.INCONCLUSIVE, f"{shown} in [{number_text(low)}, {number_text(high)}], which contains {limit.phrase}"


def _worse(gate: Gate, sample: Sample, best_end: Decimal, limit: Limit) -> bool:
    """Whether the version is worse than the baseline beyond chance; one that rests is the number that it left."""
    if limit.baseline is None or not _bounded(sample):
        return False
    if sample.baseline is not None:
        return sample.side == (-1 if gate.rises else 1)
    return not reaches(gate, best_end, limit.baseline)


def _lost_slices(gate: Gate, sample: Sample) -> Iterator[str]:
    """The parts of the queries that lose more than may be: by their mean, and beyond chance."""
    margin = gate.max_slice_loss
    for part in sample.slices if margin is not None else ():
        change, best = (better(gate, value, part.baseline) for value in (part.value, part.best))
        if margin is not None and change < -margin and best < 0:
            sign, worse = ("-", "<") if gate.rises else ("+", ">")
            against = f"baseline {number_text(part.baseline)} {sign} {number_text(margin)}"
            yield f"{gate.metric} {number_text(part.value)} {worse} {against} where {part.name} (n={part.samples})"


def _bounded(sample: Sample | None) -> bool:
    """Whether its bounds say how much it can be trusted, however small it is."""
    ends = (sample.low, sample.high) if sample is not None else ()
    return bool(ends) and all(end is not None and not end.is_nan() for end in ends)


def _bound(number: Decimal, unknown: Decimal) -> Decimal:
    """An end of an interval; one that cannot be believed bounds nothing."""
    return number if _credible(number) else unknown


def _baseline(gate: Gate, sample: Sample | None, comparison: Comparison) -> Decimal | None:
    measured = sample.baseline if sample is not None else None
    if measured is not None and _credible(measured):
        return measured
    return None if comparison.expected else comparison.references.get(gate.metric)


def _result(gate: Gate, sample: Sample | None, baseline: Decimal | None, verdict: Verdict, message: str) -> GateResult:
    return GateResult(
        metric=gate.metric,
        verdict=verdict,
        value=_kept(sample.value) if sample else None,
        baseline=_kept(baseline),
        low=_kept(sample.low) if sample else None,
        high=_kept(sample.high) if sample else None,
        samples=sample.samples if sample else 0,
        message=bounded(message),
    )


def _kept(number: Decimal | None) -> Decimal | None:
    """A number as it is put on record: what a metric means fits into twelve digits."""
    return _TWELVE_DIGITS.plus(number) if number is not None and _credible(number) else None


def _credible(number: Decimal) -> bool:
    """Neither infinite nor of a magnitude that no metric has and that decimal arithmetic would choke on."""
    return number.is_finite() and (not number or abs(number.adjusted()) <= _GREATEST_EXPONENT)
