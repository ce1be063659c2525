"""Validation: offline evaluation, then the replay of recent queries; every gate of both must pass. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller import clock
from controller.actions import StartEvaluation, StartReplay
from controller.gates import Comparison, judge, summary
from controller.observation import JobFact, JobState
from controller.resource.codec import codec, digest
from controller.resource.reasons import Reason
from controller.resource.version_status import Evidence, GateResult
from controller.retries import resumed, unsettled
from controller.situation import Case, Move, Situation
from controller.stages import Stage
from mlops.judgement import Verdict, worst

if TYPE_CHECKING:
    from controller.resource.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One of the two things that are asked about a version before users see it."""

    kind: str
    reason: Reason
    job: str
    gates: tuple[Gate, ...]
    start: StartEvaluation | StartReplay


def validate(situation: Situation) -> Situation:
    """Take every version in Validation one step on."""
    for case in tuple(situation.cases(Stage.VALIDATION)):
        if case.status.outcome is None:
            situation = situation.taking(case.number, _validated(case))
    return situation


def baseline_changed(case: Case) -> bool:
    """Whether the evidence compares with another version than the one in production now."""
    evidence = [found for found in (case.status.evaluation, case.status.replay) if found is not None]
    return any(found.baseline != case.situation.model.production for found in evidence)


def job_names(case: Case) -> frozenset[str]:
    """The jobs whose answers are waited for; none but in Validation."""
    if case.status.stage is not Stage.VALIDATION or case.status.outcome is not None:
        return frozenset()
    return frozenset({_job_name(case, "eval"), _job_name(case, "replay")})


def _validated(case: Case) -> Move:
    ready = resumed(case)
    if isinstance(ready, Move):
        return ready
    if baseline_changed(ready):
        ready = ready.fresh_attempt()
    for question in _questions(ready):
        evidence: Evidence | None = getattr(ready.status, question.kind)
        if evidence is None:
            answer = _gathered(ready, question)
            if isinstance(answer, Move):
                return answer
            evidence = answer
            ready = ready.having(**{question.kind: evidence})
        verdict = worst([result.verdict for result in evidence.results])
        if verdict is Verdict.FAILED:
            return ready.leave(Reason.GATE_FAILED, summary(evidence.results, verdict))
        if not verdict.settled:
            return unsettled(ready, verdict, summary(evidence.results, verdict))
    return _passed(ready)


def _passed(case: Case) -> Move:
    found = case.status
    results = [result for evidence in (found.evaluation, found.replay) if evidence for result in evidence.results]
    told = [codec(GateResult).dump(result) for result in results]
    policy_hash = found.attempt.policy_hash if found.attempt else ""
    passed = case.having(results_hash=digest([case.digest, policy_hash, told]), retries=None)
    left_out = _replays(case) and not case.situation.observation.keeps_queries
    rest = "; no replay: nobody keeps what users ask here" if left_out else ""
    return passed.go(Stage.STAGING, Reason.GATES_PASSED, f"{len(results)} gates passed{rest}")


def _questions(case: Case) -> list[Question]:
    """What is asked in this attempt: a replay only where there is production to compare with, and queries are kept."""
    evaluation, production = case.policy.evaluation, case.situation.model.production
    version_digest = case.digest or ""
    questions = []
    if evaluation.gates:
        job = _job_name(case, "eval")
        start = StartEvaluation(
            name=job,
            version=case.number,
            digest=version_digest,
            baseline=production,
            dataset=evaluation.dataset,
            gates=evaluation.gates,
        )
        questions.append(
            Question(kind="evaluation", reason=Reason.EVALUATING, job=job, gates=evaluation.gates, start=start)
        )
    if _replays(case) and production is not None and case.situation.observation.keeps_queries:
        job = _job_name(case, "replay")
        gates = evaluation.replay.gates
        replay = StartReplay(
            name=job,
            version=case.number,
            digest=version_digest,
            baseline=production,
            queries=evaluation.replay.queries,
            gates=gates,
        )
        questions.append(Question(kind="replay", reason=Reason.REPLAYING, job=job, gates=gates, start=replay))
    return questions


def _replays(case: Case) -> bool:
    replay = case.policy.evaluation.replay
    return bool(replay.queries and replay.gates)


def _job_name(case: Case, kind: str) -> str:
    return f"{case.version.name}-{kind}-{case.attempt}"


def _gathered(case: Case, question: Question) -> Evidence | Move:
    """The answer to a question; or the move that asks it or waits for it."""
    job = case.job(question.job)
    if job is None:
        return _asking(case, question)
    if job.baseline != case.situation.model.production:
        again = case.fresh_attempt()
        return again.wait(Reason.BASELINE_CHANGED, f"{job.name} compares with {job.baseline}, which is no longer there")
    if job.state is JobState.RUNNING:
        return _awaited(case, question, job)
    if job.state is JobState.FAILED:
        return _erroneous(case, question, f"{job.name} failed: {job.message or 'it does not say why'}")
    if job.digest not in (None, case.digest):
        return case.leave(Reason.ARTIFACT_CHANGED, f"{job.name} judged {job.digest}, verified was {case.digest}")
    return _judged(case, question, job)


def _awaited(case: Case, question: Question, job: JobFact) -> Evidence | Move:
    limit = case.policy.evaluation.deadline_seconds
    deadline = clock.later(min(job.started, case.now), limit)
    if case.now >= deadline:
        return _erroneous(case, question, f"{job.name} was not done in {limit} s")
    return case.wait(question.reason, f"{job.name} is running", deadline)


def _asking(case: Case, question: Question) -> Move:
    if case.kept_back is not None:
        reason, until = case.kept_back
        return case.wait(reason, f"the {question.kind} does not start {until}")
    against = question.start.baseline or "nothing: it is the first version"
    return case.act(question.reason, f"{question.job} compares with {against}", question.start)


def _judged(case: Case, question: Question, job: JobFact) -> Evidence:
    comparison = Comparison(expected=job.baseline is not None, references={})
    samples = {sample.metric: sample for sample in job.samples}
    results = tuple(judge(gate, samples.get(gate.metric), comparison) for gate in question.gates)
    return Evidence(job=job.name, run=job.run, baseline=job.baseline, at=case.now, results=results)


def _erroneous(case: Case, question: Question, message: str) -> Evidence:
    results = tuple(
        GateResult(metric=gate.metric, verdict=Verdict.ERROR, message=message) for gate in question.gates[:1]
    )
    return Evidence(job=question.job, baseline=case.situation.model.production, at=case.now, results=results)
