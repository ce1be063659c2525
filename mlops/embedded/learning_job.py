"""The learning part of a retraining: what this home recorded, on top of an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from mlops.embedded.retrain_check import recorded_reading
from mlops.embedded.revision import code_revision
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.artifact.manifest import Manifest
    from mlops.config import Settings
    from mlops.embedded.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """The manifest of what was learned, None where nothing was; `told` says why either way."""

    manifest: Manifest | None
    told: str


def learn(home: Home, settings: Settings, parent: Path, out: Path, *, version: str, trigger: str) -> Lesson:
    """Learn from the recorded sessions on top of the artefact in `parent`; raises what `retrain` raises."""
    reading = recorded_reading(home)
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
        done = retrain(reading, request, translator=translator, progress=lambda *_: None, clock=perf_counter)
    finally:
        translator.close()
    return Lesson(manifest=done.manifest, told=f"{done.verdict.decision.value}: {'; '.join(done.verdict.reasons)}")
