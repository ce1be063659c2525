"""The next version out of what users did: the same on a laptop and in a pod.

Learned on top of an artefact, numbered after the newest there is, registered under the name of the run that made it, so
that a run that was cut short finds what it registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from controller.observation import Candidate
from controller.resource.codec import codec
from controller.resource.version import Lineage, Origin
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.model_registry import next_version, parse_version
from mlops.quarters import Quarters
from mlops.recorded_sessions import recorded_reading
from mlops.revision import code_revision
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controller.resource.version import Trigger
    from mlops.artifact.manifest import Manifest
    from mlops.config import Settings
    from mlops.learning.verdict import Verdict
    from mlops.model_registry import ModelRegistry, RegisteredVersion
    from mlops.monitoring.job_span import JobSpan


EXPERIMENT = "recipe-retrainings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """The manifest of what was learned, None where nothing was, and the verdict that says why either way."""

    manifest: Manifest | None
    verdict: Verdict
    parent: Manifest

    @property
    def told(self) -> str:
        """The verdict in a line."""
        return f"{self.verdict.decision.value}: {'; '.join(self.verdict.reasons)}"


def learn(
    feedback: Path,
    settings: Settings,
    parent: Path,
    out: Path,
    *,
    version: str,
    trigger: str,
    span: JobSpan,
    say: Callable[[str], None] = print,
) -> Lesson:
    """Learn from the sessions in `feedback` on top of the artefact in `parent`; raises what `retrain` raises.

    `say` is told how far it has come: the log of a job. `span` is the job's, and gets a span for each phase.
    """
    request = RetrainRequest(
        artifact=parent,
        out=out,
        code_revision=code_revision(),
        version=version,
        trigger=trigger,
        threads=settings.threads,
    )
    translator = open_translator(settings.translator, target=settings.translator_target)
    try:
        with span.phases(Quarters(say)) as progress:
            done = retrain(
                recorded_reading(feedback), request, translator=translator, progress=progress, clock=perf_counter
            )
    finally:
        translator.close()
    return Lesson(manifest=done.manifest, verdict=done.verdict, parent=done.parent)


def log_nothing_learned(registry: ModelRegistry, lesson: Lesson, run: str, trigger: str) -> None:
    """Keep a retraining that made no version where its history is: a run in MLflow, with what speaks against it."""
    figures = lesson.verdict.figures
    numbers = {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}
    for name in ("held_out", "later"):
        found = {key: value for key, value in figures.get(name, {}).items() if value is not None}
        numbers |= {f"{name}_{key}": float(value) for key, value in found.items()}
    registry.log_run(
        EXPERIMENT,
        run,
        metrics=numbers,
        params={
            "decision": lesson.verdict.decision.value,
            "reasons": "; ".join(lesson.verdict.reasons),
            "feedback_digest": figures.get("feedback_digest", ""),
            "data_digest": lesson.parent.data_digest,
            "code_revision": code_revision(),
            "trigger": trigger,
        },
        tags={"recipes.model": lesson.parent.model, "recipes.parent": lesson.parent.version},
    )


def next_release(registry: ModelRegistry, model: str, parent: str) -> str:
    """The patch after the newest version there is."""
    known = [found.version for found in registry.list_versions(model)]
    return next_version(max([parent, *known], key=parse_version), "patch")


def registered_by(registry: ModelRegistry, model: str, run: str) -> RegisteredVersion | None:
    """What a run registered before it was cut short, None where it did not."""
    for found in registry.list_versions(model):
        if registry.history(model, found.version)[0].why.startswith(f"{run}: "):
            return found
    return None


def answer(registered: RegisteredVersion, *, trigger: Trigger, parent: str, run: str, span: JobSpan) -> dict[str, Any]:
    """What a run says that ended with a version, as JSON types; the version names `span` as its origin."""
    lineage = Lineage(
        trigger=trigger,
        parent=parent,
        data_digest=registered.metadata.get("data_digest"),
        run=registered.run_id,
        job=run,
        trace=span.traceparent,
    )
    candidate = Candidate(version=registered.version, source=Origin(digest=registered.digest), lineage=lineage)
    return {"candidate": codec(Candidate).dump(candidate)}
