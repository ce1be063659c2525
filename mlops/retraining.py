"""Is it time to train again? Pure: facts, policy and the time are arguments; every check leaves its numbers in words.

Some checks speak for a retraining (interval, new data, changed data, degradation, drift), others can only speak against
it (too little feedback, cool-down, one at a time). One voice against outweighs all voices for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Check(StrEnum):
    """What is looked at."""

    INTERVAL = "interval"
    NEW_DATA = "new-data"
    DATA_CHANGED = "data-changed"
    DEGRADATION = "degradation"
    DRIFT = "drift"
    TOO_LITTLE = "too-little-feedback"
    COOL_DOWN = "cool-down"
    ONE_AT_A_TIME = "one-at-a-time"


class Voice(StrEnum):
    """What a check says."""

    FOR = "for"
    SILENT = "silent"
    AGAINST = "against"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One check's voice, with the arithmetic behind it: `3.2 days since training < 7 days`."""

    check: Check
    voice: Voice
    text: str

    @property
    def told(self) -> str:
        """In a line: `interval: 8.0 days since training >= 7 days (for)`; a silent check has no voice."""
        return f"{self.check}: {self.text}{'' if self.voice is Voice.SILENT else f' ({self.voice})'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineMetric:
    """A metric of real traffic: its value when the version was promoted, its value now, and over how many requests.

    `least_loss` is the lower bound of the relative loss, None where nobody reckoned one.
    """

    name: str
    reference: float
    current: float
    samples: int
    greater_is_better: bool = True
    least_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen:
    """What comparisons of queries came to: of each window whether it drifted, the latest last, without those too thin.

    `lasting` names the features that drifted in all of the latest windows that are needed; `told` has the numbers of
    the latest.
    """

    windows: tuple[bool, ...]
    lasting: tuple[str, ...]
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainFacts:
    """What is known of a model in production; times are aware, None is "not known" or "never".

    `queries` and `clicks` count distinct queries with feedback and clicks since the version in production was trained,
    None where nobody counts them;
    `drift` is None where nobody compares what users ask; `running` names an unfinished job;
    `last_attempt` is when the last retraining ended, well or not.
    """

    trained_at: datetime | None
    trained_digest: str | None
    data_digest: str | None
    queries: int | None = 0
    clicks: int | None = 0
    online: OnlineMetric | None = None
    drift: DriftSeen | None = None
    running: str | None = None
    last_attempt: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainPolicy:
    """The limits. Below `least_queries` a model learns noise: 20 queries made one worse than no training at all."""

    interval: timedelta | None = timedelta(days=7)
    min_queries: int = 100
    min_clicks: int = 500
    least_queries: int = 50
    max_degradation: float = 0.05
    min_samples: int = 200
    drift_persistence: int = 2
    cool_down: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainDecision:
    """Whether to retrain, and what every check said."""

    retrain: bool
    reasons: tuple[Reason, ...]


def check(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> RetrainDecision:
    """Ask every check. All times must be aware, or all naive."""
    reasons = tuple(ask(facts, policy, now) for ask in _CHECKS)
    voices = {reason.voice for reason in reasons}
    return RetrainDecision(retrain=Voice.FOR in voices and Voice.AGAINST not in voices, reasons=reasons)


def _interval(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Reason:
    if policy.interval is None:
        return _silent(Check.INTERVAL, "no interval is set")
    if facts.trained_at is None:
        return _silent(Check.INTERVAL, "it is not known when the version in production was trained")
    age = now - facts.trained_at
    due = age >= policy.interval
    text = f"{age / _DAY:.1f} days since training {'>=' if due else '<'} {policy.interval / _DAY:g} days"
    return Reason(check=Check.INTERVAL, voice=_for(due), text=text)


def _new_data(facts: RetrainFacts, policy: RetrainPolicy, _now: datetime) -> Reason:
    counted = [(facts.queries, policy.min_queries, "distinct queries"), (facts.clicks, policy.min_clicks, "clicks")]
    known = [(number, needed, what) for number, needed, what in counted if number is not None]
    if not known:
        return _silent(Check.NEW_DATA, "nobody counts the feedback since training")
    enough = all(number >= needed for number, needed, _ in known)
    text = ", ".join(_sides(number, needed, what) for number, needed, what in known)
    return Reason(check=Check.NEW_DATA, voice=_for(enough), text=f"{text} since training")


def _data_changed(facts: RetrainFacts, _policy: RetrainPolicy, _now: datetime) -> Reason:
    if facts.trained_digest is None or facts.data_digest is None:
        return _silent(Check.DATA_CHANGED, "the digest of the recipes, then or now, is not known")
    changed = _recipes_changed(facts)
    sign = "!=" if changed else "="
    text = f"recipes now {_short(facts.data_digest)} {sign} {_short(facts.trained_digest)} as trained on"
    return Reason(check=Check.DATA_CHANGED, voice=_for(changed), text=text)


def _degradation(facts: RetrainFacts, policy: RetrainPolicy, _now: datetime) -> Reason:
    online = facts.online
    if online is None:
        return _silent(Check.DEGRADATION, "no online metric has been measured")
    if online.samples < policy.min_samples:
        return _silent(Check.DEGRADATION, f"{online.name}: {online.samples} requests < {policy.min_samples} needed")
    if not (math.isfinite(online.current) and math.isfinite(online.reference) and online.reference > 0):
        return _silent(
            Check.DEGRADATION, f"{online.name}: {online.current:.4g} cannot be compared with {online.reference:.4g}"
        )
    change = (online.current - online.reference) / online.reference
    loss = -change if online.greater_is_better else change
    limit = policy.max_degradation
    sign = ">" if loss > limit else "<="
    text = f"{online.name} {online.current:.4g} against {online.reference:.4g}: {loss:.1%} worse {sign} {limit:.1%}"
    if loss > limit and online.least_loss is not None and not online.least_loss > 0:
        return _silent(Check.DEGRADATION, f"{text}, but it may be chance: the bound is {online.least_loss:.1%}")
    return Reason(check=Check.DEGRADATION, voice=_for(loss > limit), text=text)


def _drift(facts: RetrainFacts, policy: RetrainPolicy, _now: datetime) -> Reason:
    if facts.drift is None:
        return _silent(Check.DRIFT, "nobody has compared what users ask with what they asked")
    in_a_row = 0
    for found in reversed(facts.drift.windows):
        if not found:
            break
        in_a_row += 1
    needed = max(policy.drift_persistence, 1)
    text = f"drift in {_sides(in_a_row, needed, 'windows in a row')}"
    lasting = in_a_row >= needed and bool(facts.drift.lasting)
    if in_a_row >= needed:
        text += f", of {', '.join(facts.drift.lasting)}" if lasting else ", but of no feature in all of them"
    return Reason(check=Check.DRIFT, voice=_for(lasting), text=f"{text}; {facts.drift.told}".rstrip("; "))


def _too_little(facts: RetrainFacts, policy: RetrainPolicy, _now: datetime) -> Reason:
    if facts.queries is None:
        return _silent(Check.TOO_LITTLE, "distinct queries are counted by the retraining itself")
    text = _sides(facts.queries, policy.least_queries, "distinct queries with feedback")
    if facts.queries >= policy.least_queries:
        return _silent(Check.TOO_LITTLE, text)
    # New recipes must be embedded whatever the feedback; learning from it is then left out by the training itself.
    if _recipes_changed(facts):
        return _silent(Check.TOO_LITTLE, f"{text}, but the recipes changed")
    return Reason(check=Check.TOO_LITTLE, voice=Voice.AGAINST, text=f"{text} to learn from")


def _cool_down(facts: RetrainFacts, policy: RetrainPolicy, now: datetime) -> Reason:
    if facts.last_attempt is None:
        return _silent(Check.COOL_DOWN, "no retraining so far")
    passed = now - facts.last_attempt
    cooling = passed < policy.cool_down
    sign = "<" if cooling else ">="
    text = f"{passed / _HOUR:.1f} hours since the last retraining {sign} {policy.cool_down / _HOUR:g} hours"
    return Reason(check=Check.COOL_DOWN, voice=Voice.AGAINST if cooling else Voice.SILENT, text=text)


def _one_at_a_time(facts: RetrainFacts, _policy: RetrainPolicy, _now: datetime) -> Reason:
    if facts.running is None:
        return _silent(Check.ONE_AT_A_TIME, "no retraining is under way")
    return Reason(check=Check.ONE_AT_A_TIME, voice=Voice.AGAINST, text=f"retraining {facts.running} is under way")


_CHECKS: tuple[Callable[[RetrainFacts, RetrainPolicy, datetime], Reason], ...] = (
    _interval,
    _new_data,
    _data_changed,
    _degradation,
    _drift,
    _too_little,
    _cool_down,
    _one_at_a_time,
)


def _recipes_changed(facts: RetrainFacts) -> bool:
    return None not in (facts.trained_digest, facts.data_digest) and facts.trained_digest != facts.data_digest


def _sides(number: int, needed: int, what: str) -> str:
    return f"{number} {what} {'>=' if number >= needed else '<'} {needed}"


def _silent(of: Check, text: str) -> Reason:
    return Reason(check=of, voice=Voice.SILENT, text=text)


def _for(due: bool) -> Voice:  # noqa: FBT001 - private, and `_for(due)` reads as it should
    return Voice.FOR if due else Voice.SILENT


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
