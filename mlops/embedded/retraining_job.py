"""A retraining as a job: train on what is in the corpus now, register the next version, say which one it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from controller.observation import Candidate
from controller.resource.codec import codec
from controller.resource.version import Lineage, Origin, Trigger
from mlops.artifact.manifest import read_manifest
from mlops.embedded.home import Home
from mlops.embedded.registering import register_artifact
from mlops.embedded.training_process import TrainingProcess
from mlops.model_registry import next_version, open_registry, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mlops.config import Settings
    from mlops.embedded.job_table import Job
    from mlops.model_registry import ModelRegistry, RegisteredVersion

BY = "recipes retraining"


def retrain(job: Job, settings: Settings, clock: Callable[[], datetime]) -> Mapping[str, Any]:
    """Train and register; a job that was cut short after it had registered finds its version again.

    Raises Permanent with what the training said, and Transient where the registry does not answer.
    """
    home = Home(settings.home)
    uri = home.running_registry() or settings.registry_uri
    with open_registry(uri, clock) as registry:
        registered = _registered_by(registry, settings.model, job.name) or _trained(job, settings, home, registry)
    lineage = Lineage(
        trigger=Trigger(job.spec["trigger"]),
        parent=job.spec["parent"],
        data_digest=registered.metadata.get("data_digest"),
        run=registered.run_id,
        job=job.name,
    )
    candidate = Candidate(version=registered.version, source=Origin(digest=registered.digest), lineage=lineage)
    return {"candidate": codec(Candidate).dump(candidate)}


def _trained(job: Job, settings: Settings, home: Home, registry: ModelRegistry) -> RegisteredVersion:
    number = next_version(_newest(registry, settings.model, job.spec["parent"]), "patch")
    folder = home.training / f"{job.name}-{number}"
    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
    TrainingProcess().train(settings.model, number, folder)
    why = f"{job.name}: {job.spec['reason']}"
    registered = register_artifact(registry, folder, read_manifest(folder), by=BY, why=why)
    shutil.rmtree(folder)
    return registered


def _newest(registry: ModelRegistry, model: str, parent: str) -> str:
    known = [found.version for found in registry.list_versions(model)]
    return max([parent, *known], key=parse_version)


def _registered_by(registry: ModelRegistry, model: str, job: str) -> RegisteredVersion | None:
    for found in registry.list_versions(model):
        if registry.history(model, found.version)[0].why.startswith(f"{job}: "):
            return found
    return None
