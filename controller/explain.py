"""Why a version is where it is, in plain words with the numbers, from its stored status alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import Checks, Evidence, GateResult, VersionStatus


def explain(version: ModelVersion, model: Model) -> tuple[str, ...]:
    """Lines for a screen: where it is and why, what can be done, and all the evidence on the way there."""
    title = f"{version.spec.model} {version.spec.version}"
    status = version.status
    if status is None:
        return (f"{title} has not been looked at yet",)
    return (
        f"{title} is in {status.stage} since {_shown(status.since)}: {status.reason}",
        *_indented(_why(status)),
        *_place(version, model),
        *_attempt(status),
        *_evidence("evaluation", status.evaluation),
        *_evidence("replay", status.replay),
        *_consent(status),
        *_canary(status),
        *_bake(status),
        *_history(status),
    )


def _why(status: VersionStatus) -> Iterator[str]:
    if status.message:
        yield status.message
    yield status.reason.meaning
    if status.reason.remedy:
        yield f"What to do: {status.reason.remedy}"


def _place(version: ModelVersion, model: Model) -> Iterator[str]:
    """Its role in the Model, where the two belong together to understand it."""
    number, slots = version.spec.version, model.status
    if slots is None:
        return
    if slots.restoring is not None and number in (slots.restoring.to, slots.restoring.instead_of):
        yield f"Production is being restored to {slots.restoring.to}: {slots.restoring.message}"
    if number in slots.queue:
        yield f"It is number {slots.queue.index(number) + 1} in the queue: {', '.join(slots.queue)}"
    for hold in slots.holds:
        if hold.version == number:
            yield f"What descends from it needs a person's approval: {hold.reason} at {_shown(hold.since)}"
    if model.spec.paused:
        yield "The Model is paused"
    if model.spec.pinned_version is not None:
        yield f"The Model is pinned to {model.spec.pinned_version}"


def _attempt(status: VersionStatus) -> Iterator[str]:
    attempt = status.attempt
    if attempt is not None:
        yield f"Attempt {attempt.number}, begun {_shown(attempt.started)}, policy {attempt.policy_hash}"
    if status.retries is not None:
        yield f"Unsettled {status.retries.count} times since {_shown(status.retries.since)}"
    if status.artifact is not None:
        yield f"Artefact {status.artifact.digest}, verified {_shown(status.artifact.at)}"


def _evidence(kind: str, evidence: Evidence | None) -> Iterator[str]:
    if evidence is not None:
        against = evidence.baseline or "nothing, as there was no production"
        yield f"The {kind} {evidence.job} compared with {against}:"
        yield from _indented(_results(evidence.results))


def _consent(status: VersionStatus) -> Iterator[str]:
    if status.results_hash is not None:
        yield f"Results {status.results_hash}"
    given = status.approval
    if given is not None:
        who = given.by or "the policy, which asks nobody"
        why = f": {given.reason}" if given.reason else ""
        yield f"Approved by {who} at {_shown(given.at)}{why}"


def _canary(status: VersionStatus) -> Iterator[str]:
    canary = status.canary
    if canary is None:
        return
    step = min(canary.step + 1, canary.steps)
    applied = f"applied {_shown(canary.applied_at)}" if canary.applied_at else "not applied yet"
    yield f"Canary step {step} of {canary.steps}, weight {status.weight} %, {applied}"
    yield from _indented(_checks(canary.checks))


def _bake(status: VersionStatus) -> Iterator[str]:
    bake = status.bake
    if bake is None:
        return
    end = f"ended {_shown(bake.ended_at)}" if bake.ended_at else "not over yet"
    yield f"Bake begun {_shown(bake.started_at)}, {end}"
    yield from _indented(_checks(bake.checks))


def _checks(checks: Checks) -> Iterator[str]:
    yield (
        f"{checks.done} checks: {checks.passed} passed, {checks.failed} failed, {checks.inconclusive} inconclusive, "
        f"{checks.no_data} without data, {checks.errors} with errors"
    )
    yield from _results(checks.results)


def _results(results: tuple[GateResult, ...]) -> Iterator[str]:
    for result in results:
        yield f"{result.verdict}: {result.message or result.metric}"


def _history(status: VersionStatus) -> Iterator[str]:
    if status.history:
        yield "History:"
    for move in status.history:
        told = f": {move.message}" if move.message else ""
        yield f"  {_shown(move.at)} {move.origin} -> {move.target}, {move.reason}{told}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _shown(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
