"""`python -m mlops.pod_job`: what a Job of the controller does in its pod. The composition root of the cluster's jobs.

It is told by RECIPES_ASK (an action as JSON), and answers by JSON in the pod's termination message; whatever it finds,
also that an artefact is damaged, is an answer. What was measured is a run in MLflow too. Exit 5 asks for another try.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, StartRetraining, VerifyArtifact, from_dict
from controller.observation import ArtifactState
from mlops.artifact_fetch import Settings as FetchSettings
from mlops.artifact_fetch import fetch
from mlops.config import Settings
from mlops.errors import MlopsError, NotFound, Permanent, Transient
from mlops.evaluation_run import log_evaluation
from mlops.judging import Judge
from mlops.model_registry import open_registry
from mlops.monitoring.job_span import job_span
from mlops.recorded_queries import recorded_queries
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.actions import Action
    from mlops.model_registry import ModelRegistry
    from mlops.monitoring.job_span import JobSpan
    from mlops.recommendation import Ask

ANSWER = Path(os.environ.get("RECIPES_ANSWER_FILE", "/dev/termination-log"))
_ASK = "RECIPES_ASK"
# A CronJob names its Jobs itself.
_JOB_NAME = "RECIPES_JOB_NAME"
_FEEDBACK = "RECIPES_FEEDBACK"
_LATER, _NEVER = 5, 6
_SPANS = {VerifyArtifact: "verify", StartEvaluation: "evaluate", StartReplay: "replay", StartRetraining: "retrain"}
_LONGEST = 4096  # what Kubernetes keeps of it


def main() -> int:
    """Do what is asked; 0 with an answer, 5 where trying again may help, 6 where it cannot."""
    settings = Settings()
    asked = from_dict(json.loads(os.environ[_ASK]))
    if isinstance(asked, StartRetraining):
        asked = replace(asked, name=os.environ.get(_JOB_NAME, asked.name))
    try:
        about = {"recipes.model": settings.model, "recipes.job": str(getattr(asked, "name", ""))}
        with tempfile.TemporaryDirectory() as scratch, job_span(_SPANS.get(type(asked), "job"), about) as span:
            answer = _answer(asked, settings, Path(scratch), span)
    except MlopsError as error:
        _tell({"error": f"{error.message}. {error.hint}".strip()})
        return _LATER if isinstance(error, Transient) else _NEVER
    except Exception as error:  # noqa: BLE001 - whatever a model or a library raises; the trace is in the pod's log
        traceback.print_exc()
        _tell({"error": f"{type(error).__name__}: {error}"})
        return _NEVER
    _tell(answer)
    return 0


def _answer(asked: Action, settings: Settings, scratch: Path, span: JobSpan) -> Mapping[str, Any]:
    feedback = Path(os.environ.get(_FEEDBACK, scratch))
    match asked:
        case VerifyArtifact():
            return _verify(asked, settings, scratch)
        case StartEvaluation() | StartReplay():
            return _judge(asked, settings, scratch, feedback)
        case StartRetraining():
            from mlops.pod_retraining import retrain  # noqa: PLC0415 - what learns takes long to load, most jobs judge

            return retrain(asked, settings, feedback, scratch, _registry, span)
        case _:
            raise Permanent(f"{type(asked).__name__} is nothing that a job does")


def _verify(asked: VerifyArtifact, settings: Settings, scratch: Path) -> Mapping[str, Any]:
    source = asked.source
    try:
        manifest = fetch(
            FetchSettings(
                into=scratch / "artifact",
                model=settings.model,
                version=asked.version,
                digest=source.digest,
                registry=settings.registry_uri,
                source=source.uri,
            ),
            _registry,
        )
    except NotFound as error:
        return {"state": ArtifactState.MISSING, "message": error.message}
    except Permanent as error:
        return {"state": ArtifactState.DAMAGED, "message": error.message}
    return {"state": ArtifactState.VERIFIED, "digest": manifest.digest}


def _judge(
    asked: StartEvaluation | StartReplay, settings: Settings, scratch: Path, feedback: Path
) -> Mapping[str, Any]:
    candidate = _fetched(asked.version, asked.digest, settings, scratch)
    baseline = None if asked.baseline is None else _fetched(asked.baseline, None, settings, scratch)

    def recent(count: int) -> Sequence[Ask]:
        return recorded_queries(feedback, count, datetime.now(UTC))  # noqa: TID251 - a composition root

    translator = open_translator(settings.translator, target=settings.translator_target)
    try:
        judge = Judge(asked, translator, recent, perf_counter)
        found = judge.judge(candidate, baseline)
    finally:
        translator.close()
    with _registry(settings.registry_uri) as registry:
        run = log_evaluation(registry, asked, found, judge, model=settings.model, artifact=candidate, scratch=scratch)
    return {**found, "run": run}


def _fetched(version: str, digest: str | None, settings: Settings, scratch: Path) -> Path:
    into = scratch / version
    wanted = FetchSettings(
        into=into, model=settings.model, version=version, digest=digest, registry=settings.registry_uri
    )
    fetch(wanted, _registry)
    return into


def _registry(uri: str) -> ModelRegistry:
    return open_registry(uri, lambda: datetime.now(UTC))  # noqa: TID251 - a composition root


def _tell(answer: Mapping[str, Any]) -> None:
    text = json.dumps(answer, separators=(",", ":"))
    print(text)  # noqa: T201 - the pod's log
    ANSWER.write_text(text[:_LONGEST], encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
