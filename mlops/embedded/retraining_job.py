"""A retraining as a job: train on what is there now, register the next version, say which one it is.

Unchanged recipes keep their artefact, and only what users did since is learned; changed recipes are trained first. What
neither changes nor teaches anything makes no version: that is an answer, not a fault.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from controller.resource.conditions import bounded
from controller.resource.version import Trigger
from mlops.artifact.manifest import read_manifest
from mlops.candidates import answer, learn, log_nothing_learned, next_release, registered_by
from mlops.embedded.database import Database
from mlops.embedded.home import Home
from mlops.embedded.job_table import JobTable
from mlops.embedded.retrain_check import data_digest
from mlops.embedded.training_process import TrainingProcess
from mlops.errors import Permanent, Transient
from mlops.model_registry import open_registry
from mlops.registering import register_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from mlops.config import Settings
    from mlops.embedded.job_table import Job
    from mlops.model_registry import ModelRegistry, RegisteredVersion
    from mlops.monitoring.job_span import JobSpan

BY = "recipes retraining"
# Between tries, where what failed may pass: a registry that restarts is back within two minutes.
BACK_OFF_SECONDS = (5.0, 20.0, 80.0)


def retrain(
    job: Job, settings: Settings, span: JobSpan, clock: Callable[[], datetime], sleep: Callable[[float], None]
) -> Mapping[str, Any]:
    """Train and register; a job that was cut short after it had registered finds its version again.

    `span` is the job's: the training's own process goes below it, and the version names it as its origin.

    The answer holds a candidate, or a message that says why there is none.
    Raises Permanent with what the training said, and Transient where the registry does not answer at any of four tries.
    """
    for seconds in BACK_OFF_SECONDS:
        try:
            return _retrain(job, settings, span, clock)
        except Transient:
            sleep(seconds)
    return _retrain(job, settings, span, clock)


def _retrain(job: Job, settings: Settings, span: JobSpan, clock: Callable[[], datetime]) -> Mapping[str, Any]:
    home = Home(settings.home)
    uri = home.running_registry() or settings.registry_uri
    with open_registry(uri, clock) as registry:
        registered = registered_by(registry, settings.model, job.name)
        if registered is None:
            made = _made(job, settings, home, registry, span)
            if isinstance(made, str):
                return {"message": bounded(f"nothing new: {made}")}
            registered = made
    trigger = Trigger(job.spec["trigger"])
    return answer(registered, trigger=trigger, parent=job.spec["parent"], run=job.name, span=span)


def _made(job: Job, settings: Settings, home: Home, registry: ModelRegistry, span: JobSpan) -> RegisteredVersion | str:
    """The version that was trained or learned, or why there is none."""
    number = next_release(registry, settings.model, job.spec["parent"])
    work = home.training / f"{job.name}-{number}"
    shutil.rmtree(work, ignore_errors=True)  # left by a process that was killed
    work.mkdir(parents=True)
    try:
        trained, parent = work / "trained", _unchanged_parent(job, settings, home, registry)
        if parent is None:
            TrainingProcess(span.traceparent).train(settings.model, number, trained)
        learned = work / "learned"
        trigger = str(job.spec["trigger"])
        lesson = learn(home.feedback, settings, parent or trained, learned, version=number, trigger=trigger, span=span)
        if lesson.manifest is None:
            log_nothing_learned(registry, lesson, job.name, trigger)
        if lesson.manifest is None and parent is not None:
            return lesson.told
        folder = trained if lesson.manifest is None else learned
        _require_wanted(job, home)
        why = f"{job.name}: {job.spec['reason']}; {lesson.told}"
        return register_artifact(registry, folder, read_manifest(folder), by=BY, why=bounded(why))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _require_wanted(job: Job, home: Home) -> None:
    """Raise Permanent where somebody cancelled the job: nothing is registered for it then."""
    if home.state.exists():
        with Database.open(home.state) as database:
            if JobTable(database).get(job.name).done:
                raise Permanent(f"{job.name} was cancelled")


def _unchanged_parent(job: Job, settings: Settings, home: Home, registry: ModelRegistry) -> Path | None:
    """The folder of the parent's artefact, where it was trained on the recipes that are there now."""
    for found in registry.list_versions(settings.model):
        if found.version == job.spec["parent"] and found.metadata.get("data_digest") == data_digest(home):
            return registry.local_path(found)
    return None
