"""A retraining from feedback to the next version, or to a reason why there is none. What it decides is in `verdict.py`.

The candidate is judged four times: on queries it was not trained on, on what was asked after it was trained, on
questions whose answers are known without feedback, and, before all that, whether the clicks follow meaning at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.artifact.loader import open_recommender
from mlops.engines.local import LocalEngine
from mlops.evaluation.gates import Gate, judge
from mlops.judgement import decimal_of
from mlops.learning import holdout
from mlops.learning.anchors import judge_anchors, measure
from mlops.learning.desk import Desk, Seeds
from mlops.learning.held_out import HELD_OUT, LATER, FoldFound, HeldOut, mean_curve
from mlops.learning.learner import FOLDS, Learner
from mlops.learning.preference import preferences
from mlops.learning.questions import titles_as_questions
from mlops.learning.trust import trusted
from mlops.learning.verdict import Decision, Demand, Policy, Verdict, refusal
from mlops.learning.writing import require_new, write_next

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from mlops.artifact.builder import Progress
    from mlops.artifact.manifest import Manifest
    from mlops.engines.port import Engine
    from mlops.evaluation import EvaluationReport
    from mlops.evaluation.gates import GateResult
    from mlops.learning.learner import Learned
    from mlops.learning.questions import Question
    from mlops.learning.sessions import Reading, Session
    from mlops.recommendation import Language
    from mlops.retrieval.recommender import Recommender
    from mlops.translation.translator import Translator

NAMED = 100
# Trained on what was asked before, judged on what was asked after.
EARLY = 0.75
# By how many percentiles the chosen must fit better than what usually stands at their place.
LEAST_PREFERENCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRequest:
    """What to learn on top of. `trigger` is recorded; `seed` draws folds, negatives and the trees' samples.

    `version` names what is learned; unset, it is the patch after the artefact's.
    """

    artifact: Path
    out: Path
    code_revision: str
    version: str | None = None
    trigger: str = "manual"
    seed: int = 0
    threads: int = 1
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """The verdict, the parent's manifest, and that of the new version where there is one."""

    verdict: Verdict
    parent: Manifest
    manifest: Manifest | None = None


def retrain(
    reading: Reading,
    request: RetrainRequest,
    *,
    translator: Translator,
    progress: Progress,
    clock: Callable[[], float],
    engine: Engine | None = None,
) -> Retrained:
    """Learn from `reading`; the folder `request.out` is written only where something was learned.

    `engine` trains what is held out, unset this process does; what comes of it is the same.

    Raises Conflict when that folder holds something, and what opening the artefact raises.
    """
    require_new(request.out)
    manifest, recommender = open_recommender(request.artifact, translator=translator, threads=request.threads)
    attempt = _Attempt(reading, request, recommender, manifest, progress, clock, engine or LocalEngine())
    verdict = attempt.run()
    if verdict.decision is not Decision.LEARNED:
        return Retrained(verdict=verdict, parent=manifest)
    return Retrained(verdict=verdict, parent=manifest, manifest=attempt.write(verdict))


class _Attempt:
    """One retraining, step by step; the first step that says no ends it."""

    def __init__(
        self,
        reading: Reading,
        request: RetrainRequest,
        recommender: Recommender,
        manifest: Manifest,
        progress: Progress,
        clock: Callable[[], float],
        engine: Engine,
    ) -> None:
        self._engine = engine
        self._request = request
        self._recommender = recommender
        self._manifest = manifest
        self._progress = progress
        self._clock = clock
        self._reading = reading
        self._figures: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._demands: list[Demand] = []
        self._learned: Learned | None = None
        self._reports: Mapping[Language, EvaluationReport] = {}
        self._held_out_curve: Sequence[float] = ()

    def run(self) -> Verdict:
        sessions, no = self._trusted()
        if no is not None:
            return self._verdict(Decision.REFUSED, no)
        request = self._request
        seeds = Seeds(anchors=self._manifest.seed, training=request.seed)
        desk = Desk.lay(request.artifact, self._recommender, sessions, seeds=seeds, progress=self._progress)
        self._figures |= {"position_exponent": desk.exposure.eta, "wordings": len(desk.questions)}
        if not self._demand(self._preference(desk)):
            return self._verdict(Decision.REFUSED)
        named = titles_as_questions(
            self._recommender,
            desk.anchors.titles,
            request.seed,
            NAMED,
            lambda done, total: self._progress("read titles", done, total),
        )
        if not self._demand(*self._held_out(desk, named)):
            return self._verdict(Decision.NO_GAIN)
        learned = self._learner(desk, named, desk.sessions).learn()
        if learned is None:
            return self._verdict(Decision.NO_GAIN, "no query with a click finds a recipe")
        before = measure(self._recommender, desk.anchors, self._clock, self._progress)
        self._reports = measure(self._recommender.relearned(learned.ranking), desk.anchors, self._clock, self._progress)
        policy = self._request.policy
        if not self._demand(*judge_anchors(self._reports, before, policy.tolerated_loss, self._request.seed)):
            return self._verdict(Decision.NO_GAIN)
        self._learned = learned
        self._figures["importance"] = dict(sorted(learned.grown.importance.items(), key=lambda item: -item[1])[:10])
        return self._verdict(Decision.LEARNED)

    def write(self, verdict: Verdict) -> Manifest:
        """Write the new version; only after `run` said so."""
        if self._learned is None:
            raise ValueError("nothing was learned")
        kept = ("sessions", "queries", "clicks", "position_exponent", HELD_OUT, LATER)
        lineage = {
            "trigger": self._request.trigger,
            "feedback_digest": self._reading.digest,
            "code_revision": self._request.code_revision,
            "seed": self._request.seed,
            **{name: verdict.figures[name] for name in kept if name in verdict.figures},
        }
        request = self._request
        return write_next(
            request.artifact,
            request.out,
            self._manifest,
            self._learned,
            self._reports["en"],
            lineage,
            version=request.version,
            held_out_curve=self._held_out_curve,
        )

    def _trusted(self) -> tuple[tuple[Session, ...], str | None]:
        reading = self._reading
        found = trusted(reading.sessions)
        queries = len({session.query.casefold() for session in found.sessions if session.liked})
        self._figures |= {
            "lines_left_out": dict(reading.left_out),
            "repeated": reading.repeated,
            "sessions": len(found.sessions),
            "sessions_left_out": found.left_out,
            "queries": queries,
            "clicks": sum(len(session.liked) for session in found.sessions),
            "feedback_digest": reading.digest,
        }
        self._warnings += [f"{count} lines left out: {rule}" for rule, count in reading.left_out.items()]
        self._warnings += found.notes
        policy = self._request.policy
        untrusted = found.left_out / len(reading.sessions) if reading.sessions else 0.0
        no = refusal(queries, untrusted, policy)
        if no is None and queries < policy.few_queries:
            self._warnings.append(
                f"{queries} distinct queries with clicks < {policy.few_queries}: what is learned from so few is weak"
            )
        return found.sessions, no

    def _learner(self, desk: Desk, named: Sequence[tuple[Question, int]], sessions: Sequence[Session]) -> Learner:
        return Learner(desk.judged(sessions), named, desk.vectors, desk.shelf, self._request.seed)

    def _preference(self, desk: Desk) -> Demand:
        fits = desk.fits()
        found = preferences(desk.sessions, lambda session: fits.get((session.query, session.language)), desk.meaning)
        gate = Gate(metric="preference", min_absolute_change=decimal_of(LEAST_PREFERENCE))
        result = judge(gate, found, dict.fromkeys(found, 0.0), seed=self._request.seed)
        self._figures["preference"] = None if result.evidence is None else _rounded(result.evidence.value)
        what = "clicks prefer what fits the query, place by place"
        return Demand(name="clicks follow meaning", passed=result.passed, reason=f"{what}: {result.reason}")

    def _held_out(self, desk: Desk, named: Sequence[tuple[Question, int]]) -> tuple[Demand, Demand]:
        """Judge trainings on the early sessions, each without one fold, on the queries of that fold."""
        early = desk.sessions[: int(EARLY * len(desk.sessions))]
        late = desk.sessions[len(early) :]
        task = HeldOut(
            learner=self._learner(desk, named, early),
            vectors=desk.vectors,
            whole=desk.judged(desk.sessions),
            later=desk.judged(late),
        )
        found: dict[int, FoldFound] = {}
        self._progress("train and hold out", 0, FOLDS)
        for fold, came in self._engine.spread(task, range(FOLDS)):
            found[fold] = came
            self._progress("train and hold out", len(found), FOLDS)
        now: dict[str, dict[str, float]] = {HELD_OUT: {}, LATER: {}}
        before: dict[str, dict[str, float]] = {HELD_OUT: {}, LATER: {}}
        # In the order of folds, whichever came first: what is drawn from them later must not depend on that.
        for fold in sorted(found):
            for name in now:
                now[name] |= found[fold].now.get(name, {})
                before[name] |= found[fold].before.get(name, {})
        self._held_out_curve = mean_curve([found[fold].curve for fold in sorted(found)])
        policy, seed = self._request.policy, self._request.seed
        gates = {
            HELD_OUT: Gate(metric=holdout.METRIC, min_absolute_change=decimal_of(policy.min_gain)),
            LATER: Gate(metric=holdout.METRIC, min_absolute_change=decimal_of(policy.min_gain_later)),
        }
        results = {name: judge(gate, now[name], before[name], seed=seed) for name, gate in gates.items()}
        self._figures |= {name: _figures(result) for name, result in results.items()}
        return (
            Demand.of("queries not trained on", results[HELD_OUT]),
            Demand.of("queries not trained on, asked later", results[LATER]),
        )

    def _demand(self, *demands: Demand) -> bool:
        self._demands += demands
        return all(demand.passed for demand in demands)

    def _verdict(self, decision: Decision, reason: str | None = None) -> Verdict:
        if reason is not None:
            reasons: tuple[str, ...] = (reason,)
        elif decision is Decision.LEARNED:
            reasons = tuple(f"{demand.name}: {demand.reason}" for demand in self._demands)
        else:
            reasons = tuple(f"{demand.name}: {demand.reason}" for demand in self._demands if not demand.passed)
        return Verdict(
            decision=decision,
            reasons=reasons,
            warnings=tuple(self._warnings),
            demands=tuple(self._demands),
            figures=self._figures,
        )


def _figures(result: GateResult) -> dict[str, float | None]:
    """What both versions reached, and the interval of the change."""
    found = result.evidence
    value, baseline, interval = (found.value, found.baseline, found.interval) if found else (None, None, None)
    low, high = (None, None) if interval is None or baseline is None else (end - baseline for end in interval)
    return {
        "production": _rounded(baseline),
        "candidate": _rounded(value),
        "low": _rounded(low),
        "high": _rounded(high),
        "queries": result.samples,
    }


def _rounded(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 4)
