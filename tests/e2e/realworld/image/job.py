"""In the place of `mlops.pod_job`: verifies an artefact as that does; what an evaluation finds is what the stage tells."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behaving.told import told

from controller.actions import StartEvaluation, StartReplay, VerifyArtifact, from_dict
from mlops.artifact_fetch import Settings, fetch
from mlops.errors import MlopsError, NotFound, Permanent, Transient
from mlops.model_registry import open_registry

if TYPE_CHECKING:
    from mlops.model_registry import ModelRegistry

ANSWER = Path("/dev/termination-log")
# Set in every pod; the image's build only imports this.
MODEL, REGISTRY = os.environ.get("RECIPES_MODEL", ""), os.environ.get("RECIPES_MLFLOW_URI", "")
SECONDS = 8.0  # a scenario acts while a version is evaluated, and looks every few seconds
SAMPLES = 200
NOTHING_WRONG = {"error-rate": 0.0, "latency-p95-ms": 50.0, "invalid-outputs": 0.0, "empty-rate": 0.0}
LATER, NEVER, KILLED = 5, 6, 137


def main() -> int:
    asked = from_dict(json.loads(os.environ["RECIPES_ASK"]))
    try:
        if isinstance(asked, VerifyArtifact):
            return verify(asked)
        assert isinstance(asked, StartEvaluation | StartReplay)
        return judge(asked)
    except MlopsError as error:
        say({"error": error.message})
        return LATER if isinstance(error, Transient) else NEVER


def verify(asked: VerifyArtifact) -> int:
    if told(MODEL, asked.version)["artifact"] == "unreadable":
        raise Transient("the disk does not answer")
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Settings(
            into=Path(scratch) / "artifact", model=MODEL, version=asked.version, digest=asked.source.digest,
            registry=REGISTRY, source=asked.source.uri,
        )  # fmt: skip
        try:
            manifest = fetch(wanted, opened)
        except NotFound as error:
            say({"state": "Missing", "message": error.message})
        except Permanent as error:
            say({"state": "Damaged", "message": error.message})
        else:
            say({"state": "Verified", "digest": manifest.digest})
    return 0


def judge(asked: StartEvaluation | StartReplay) -> int:
    time.sleep(SECONDS)
    while told(MODEL, asked.version)["evaluation"] == "hangs":
        time.sleep(0.5)
    if told(MODEL, asked.version)["evaluation"] == "fails":
        return KILLED  # without a word, as one that takes too much memory
    samples = [sample(gate.metric, asked.version, asked.baseline) for gate in asked.gates]
    with opened(REGISTRY) as registry:
        run = registry.log_run("scenarios", asked.name, metrics={}, params={}, tags={"recipes.model": MODEL})
    say({"digest": asked.digest, "run": run, "samples": samples})
    return 0


def sample(metric: str, version: str, baseline: str | None) -> dict[str, Any]:
    beside = {"baseline": value(metric, baseline)} if baseline else {}
    return {"metric": metric, "value": value(metric, version), "samples": SAMPLES, **beside}


def value(metric: str, version: str) -> str:
    return str(NOTHING_WRONG.get(metric, told(MODEL, version)["quality"]))


def opened(uri: str) -> ModelRegistry:
    return open_registry(uri, lambda: datetime.now(UTC))  # noqa: TID251 - a composition root


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer))  # noqa: T201 - the pod's log
    ANSWER.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
