"""A retraining in a pod: what users did, learned on top of the version in production, and registered as the next.

The recipes are those of the parent: other recipes are another training, whose version is applied by whoever trained it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.resource.conditions import bounded
from mlops.artifact.manifest import read_manifest
from mlops.artifact_fetch import Settings as FetchSettings
from mlops.artifact_fetch import fetch
from mlops.candidates import answer, learn, log_nothing_learned, next_release, registered_by
from mlops.registering import register_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from controller.actions import StartRetraining
    from mlops.config import Settings
    from mlops.model_registry import ModelRegistry
    from mlops.monitoring.job_span import JobSpan

BY = "recipe-recommender retraining"


def retrain(
    asked: StartRetraining,
    settings: Settings,
    feedback: Path,
    scratch: Path,
    open_registry: Callable[[str], ModelRegistry],
    span: JobSpan,
) -> Mapping[str, Any]:
    """Learn from `feedback` and register; the answer holds a candidate, or a message that says why there is none.

    `span` is that of this run, which the version names as its origin.

    Raises what fetching and learning raise; Transient where the registry does not answer.
    """
    with open_registry(settings.registry_uri) as registry:
        registered = registered_by(registry, settings.model, asked.name)
        if registered is None:
            parent = scratch / "parent"
            wanted = FetchSettings(
                into=parent, model=settings.model, version=asked.parent, registry=settings.registry_uri
            )
            fetch(wanted, open_registry)
            number = next_release(registry, settings.model, asked.parent)
            lesson = learn(
                feedback, settings, parent, scratch / "learned", version=number, trigger=asked.trigger.value, span=span
            )
            if lesson.manifest is None:
                log_nothing_learned(registry, lesson, asked.name, asked.trigger.value)
                return {"message": bounded(f"nothing new: {lesson.told}")}
            folder = scratch / "learned"
            why = bounded(f"{asked.name}: {asked.reason}; {lesson.told}")
            registered = register_artifact(registry, folder, read_manifest(folder), by=BY, why=why)
    return answer(registered, trigger=asked.trigger, parent=asked.parent, run=asked.name, span=span)
