"""Watching a version that answers users: one check per interval, counted once, in canary and bake alike. Pure.

A check has a number and so a name; its answer is counted when it comes and never again. What is not answered within two
intervals counts as an Error, so that a silent metrics source is told apart from a healthy one.

With a confidence, checks look at evidence that grows: from the moment its weight was applied until it is proven and
older than the window; then new evidence begins, so that a version that gets worse later is not excused by its past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from controller import clock
from controller.actions import Measure
from controller.gates import Comparison, Freshness, judge, summary
from controller.resource.reasons import Reason
from controller.resource.version_status import Checks, GateResult
from controller.retries import REASONS, limit_of
from controller.sequential import alpha_at
from mlops.judgement import Verdict, worst

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from controller.observation import Measurement
    from controller.resource.patience import Limit
    from controller.resource.policy import Analysis

UNANSWERED = 2  # intervals
_SLOWEST_SCRAPES = 120  # seconds: twice the interval that Prometheus has by default
_PHASES = 2  # canary and bake, which share the error that is permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A version watched since a moment: against a baseline that answers beside it, or against what that last did."""

    prefix: str
    version: str
    baseline: str | None
    since: datetime
    analysis: Analysis

    def name(self, checks: Checks) -> str:
        """The next check's name."""
        return f"{self.prefix}-{checks.done}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The counts after this round, what is to be measured now, and when the next check is due."""

    checks: Checks
    measure: Measure | None
    due: datetime | None


def look(watch: Watch, checks: Checks, measurement: Measurement | None, now: datetime) -> Look:
    """Count the answer to the present check, if it is there, and ask for the next one when it is due."""
    analysis = watch.analysis
    if not analysis.gates:
        return Look(checks=checks, measure=None, due=None)
    if measurement is not None and measurement.name == watch.name(checks):
        checks = _counted(watch, checks, _judged(watch, checks, measurement), min(measurement.at, now))
    elif checks.asked_at and clock.elapsed(checks.asked_at, now) >= UNANSWERED * analysis.interval_seconds:
        checks = _counted(watch, checks, _unanswered(checks.results, f"{watch.name(checks)} was not answered"), now)
    due = clock.later(_last_look(watch, checks), analysis.interval_seconds)
    if now < due:
        return Look(checks=checks, measure=None, due=due)
    measure = Measure(
        name=watch.name(checks),
        version=watch.version,
        baseline=watch.baseline,
        since=_begun(watch, checks) if analysis.confident else _window(watch, due),
        gates=analysis.gates,
        queries=analysis.queries,
        alpha=_alpha(analysis, checks),
    )
    asked = replace(checks, asked_at=checks.asked_at or now)
    again = clock.later(asked.asked_at or now, UNANSWERED * analysis.interval_seconds)
    return Look(checks=asked, measure=measure, due=again)


def failure(checks: Checks, analysis: Analysis) -> str | None:
    """Why the watched version failed; None where it did not. Failures are counted over the whole phase."""
    if checks.failed <= analysis.failure_limit:
        return None
    told = summary(checks.results, Verdict.FAILED)
    return f"{checks.failed} failed checks > failureLimit {analysis.failure_limit}; {told}"


def out_of_patience(checks: Checks, analysis: Analysis) -> tuple[Limit, Reason, str] | None:
    """The limit that unsettled checks have reached, judged by the latest check and not by the clock alone."""
    if checks.last is None or checks.last.settled or checks.unsettled_since is None or checks.last_at is None:
        return None
    limit, reason = limit_of(analysis.patience, checks.last), REASONS[checks.last]
    told = summary(checks.results, checks.last)
    waited = clock.elapsed(checks.unsettled_since, checks.last_at)
    if waited >= limit.deadline_seconds:
        return limit, reason, f"{told}; unsettled for {waited} s, deadline {limit.deadline_seconds} s"
    if checks.unsettled_in_row > analysis.inconclusive_limit:
        row = f"{checks.unsettled_in_row} unsettled checks in a row > inconclusiveLimit {analysis.inconclusive_limit}"
        return limit, reason, f"{told}; {row}"
    return None


def overspent(checks: Checks, analysis: Analysis) -> tuple[Reason, str] | None:
    """Why a canary may answer no more users; None where it may: its evidence is proven, missing, or small enough."""
    budget, answered = analysis.request_budget, max((result.samples for result in checks.results), default=0)
    if not analysis.confident or not 0 < budget <= answered or checks.last is not Verdict.INCONCLUSIVE:
        return None
    spent = f"{answered} requests answered >= requestBudget {budget}"
    return Reason.INCONCLUSIVE, f"{summary(checks.results, checks.last)}; {spent}"


def checks_wanted(analysis: Analysis, seconds: int) -> int:
    """How many checks must pass in a period: none without gates; a proof is one, values alone are one an interval."""
    if not analysis.gates:
        return 0
    return 1 if analysis.confident else max(1, seconds // analysis.interval_seconds)


def all_passed(checks: Checks, analysis: Analysis) -> bool:
    """Whether the latest look passed every gate."""
    return not analysis.gates or checks.last is Verdict.PASSED


def next_step(checks: Checks) -> Checks:
    """The counts at the start of the next step of the same phase."""
    return replace(checks, passed_in_step=0, last_at=None, asked_at=None)


def fresh_evidence(checks: Checks, since: datetime | None = None) -> Checks:
    """The counts before evidence that owes nothing to what was seen; the very first was never looked at."""
    if checks.done == 0:
        return checks
    return replace(checks, evidence=checks.evidence + 1, evidence_since=since)


def told(checks: Checks) -> str:
    """The latest look in words."""
    return summary(checks.results, checks.last) if checks.last else "no check yet"


def _judged(watch: Watch, checks: Checks, measurement: Measurement) -> tuple[GateResult, ...]:
    if measurement.error is not None:
        return _unanswered(checks.results, measurement.error)
    references = {result.metric: result.baseline for result in checks.results if result.baseline is not None}
    comparison = Comparison(expected=watch.baseline is not None, references=references)
    fresh = Freshness.around(measurement.at, max(UNANSWERED * watch.analysis.interval_seconds, _SLOWEST_SCRAPES))
    samples = {sample.metric: sample for sample in measurement.samples}
    results = (judge(gate, samples.get(gate.metric), comparison, fresh) for gate in watch.analysis.gates)
    return tuple(_remembering(result, references) for result in results)


def _unanswered(before: tuple[GateResult, ...], message: str) -> tuple[GateResult, ...]:
    """An Error, which keeps what production last measured: after 100 % it cannot be measured again."""
    remembered = tuple(
        GateResult(metric=result.metric, verdict=Verdict.ERROR, baseline=result.baseline, message=message)
        for result in before
    )
    return remembered or (GateResult(metric="", verdict=Verdict.ERROR, message=message),)


def _remembering(result: GateResult, references: dict[str, Decimal]) -> GateResult:
    if result.baseline is not None or result.metric not in references:
        return result
    return replace(result, baseline=references[result.metric])


def _begun(watch: Watch, checks: Checks) -> datetime:
    """Since when the present evidence is gathered."""
    return max(watch.since, checks.evidence_since) if checks.evidence_since else watch.since


def _window(watch: Watch, due: datetime) -> datetime:
    return max(watch.since, clock.later(due, -watch.analysis.window_seconds))


def _alpha(analysis: Analysis, checks: Checks) -> float | None:
    """The part of a rollout's permitted error that the bounds of one gate have in the present evidence."""
    if not analysis.confident:
        return None
    return alpha_at(float(analysis.confidence), len(analysis.gates) * _PHASES, checks.evidence)


def _counted(watch: Watch, checks: Checks, results: tuple[GateResult, ...], at: datetime) -> Checks:
    verdict = worst([result.verdict for result in results])
    counted = _with_verdict(checks, results, verdict, at)
    old = clock.elapsed(_begun(watch, checks), at) >= watch.analysis.window_seconds
    return fresh_evidence(counted, at) if verdict is Verdict.PASSED and old and watch.analysis.confident else counted


def _with_verdict(checks: Checks, results: tuple[GateResult, ...], verdict: Verdict, at: datetime) -> Checks:
    settled = verdict.settled
    return replace(
        checks,
        done=checks.done + 1,
        passed=checks.passed + (verdict is Verdict.PASSED),
        failed=checks.failed + (verdict is Verdict.FAILED),
        inconclusive=checks.inconclusive + (verdict is Verdict.INCONCLUSIVE),
        no_data=checks.no_data + (verdict is Verdict.NO_DATA),
        errors=checks.errors + (verdict is Verdict.ERROR),
        passed_in_step=checks.passed_in_step + (verdict is Verdict.PASSED),
        unsettled_in_row=0 if settled else checks.unsettled_in_row + 1,
        unsettled_since=None if settled else checks.unsettled_since or at,
        last_at=at,
        asked_at=None,
        last=verdict,
        results=results,
    )


def _last_look(watch: Watch, checks: Checks) -> datetime:
    return max(watch.since, checks.last_at) if checks.last_at else watch.since
