"""`python -m mlops.pod_drift`: whether users ask for something else, measured in a pod that sees what they asked.

The answer goes where those of all jobs go, the pod's termination message, and is a run in MLflow with its numbers. What
pods that are gone have left is tidied on the way.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.asked_drift import drift_of, packaged_encoder
from mlops.asked_drift_seen import seen
from mlops.config import Settings
from mlops.errors import MlopsError, NotFound, Transient
from mlops.feedback_folders import tidy
from mlops.model_registry import open_registry
from mlops.translation.glossary import Glossary
from mlops.translation.language import LanguageDetector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.model_registry import ModelRegistry

ANSWER = Path(os.environ.get("RECIPES_ANSWER_FILE", "/dev/termination-log"))
EXPERIMENT = "recipe-drift"
LONGEST = 1000


def measure(feedback: Path, model: str, registry: ModelRegistry, now: datetime) -> dict[str, Any]:
    """Compare, log, and return the answer. Raises NotFound without production, Transient without a registry."""
    production = registry.production(model)
    if production is None:
        raise NotFound(f"{model} has no version in production")
    detector = LanguageDetector(Glossary.shipped())
    with packaged_encoder() as encode:
        reports = drift_of(
            feedback, production.created_at, now, encode=encode, detect=lambda text: detector.detect(text).language
        )
    found = seen(reports)
    registry.log_run(
        EXPERIMENT,
        f"{model} {now:%Y-%m-%d}",
        metrics=_numbers(reports[-1]) if reports else {},
        params={"windows": str(found.windows), "lasting": ", ".join(found.lasting), "latest": found.told},
        tags={"recipes.model": model, "recipes.version": production.version},
    )
    return {
        "version": production.version,
        "windows": list(found.windows),
        "lasting": list(found.lasting),
        "told": found.told[:LONGEST],
    }


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{test['feature'].replace(' ', '_')}_{name}": float(test[name])
        for test in report["tests"]
        for name in ("effect", "p_corrected")
    }


def main() -> int:
    """0 with an answer, 5 where trying again may help, 6 where it cannot."""
    settings, feedback = Settings(), Path(os.environ["RECIPES_FEEDBACK"])
    now = datetime.now(UTC)  # noqa: TID251 - a composition root
    # The one pod that comes by each night and sees all folders.
    if gone := tidy(feedback, now):
        print(f"folders of pods that are gone, and held nothing young enough: {', '.join(gone)}")  # noqa: T201 - as below
    try:
        with open_registry(settings.registry_uri, lambda: now) as registry:
            answer: dict[str, Any] = {"drift": measure(feedback, settings.model, registry, now)}
    except MlopsError as error:
        answer = {"error": f"{error.message}. {error.hint}".strip()}
        code = 5 if isinstance(error, Transient) else 6
    else:
        code = 0
    text = json.dumps(answer, separators=(",", ":"))
    print(text)  # noqa: T201 - the pod's log
    ANSWER.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
