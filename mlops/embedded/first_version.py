"""The first version of all: trained, judged, registered and promoted without anybody's help."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from mlops.embedded.corpus import recipes_for_training
from mlops.embedded.home import Production
from mlops.errors import Permanent
from mlops.evaluation.gates import first_version_gates
from mlops.model_registry import Stage
from mlops.embedded.registering import register_artifact
from mlops.training import Trained, TrainRequest, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.artifact.builder import Progress
    from mlops.config import Settings
    from mlops.embedded.home import Home
    from mlops.model_registry import ModelRegistry, RegisteredVersion
    from mlops.translation.translator import Translator

VERSION = "1.0.0"
WHO = "recipes up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """How far it is, for whoever watches: a line of text, and the progress within a phase."""

    say: Callable[[str], None]
    progress: Progress


def ensure_production(
    home: Home,
    settings: Settings,
    registry: ModelRegistry,
    translator: Translator,
    code_revision: str,
    reports: Reports,
) -> Production:
    """Return what is in production, making a first version where the registry knows none.

    Raises Permanent when the first version fails its gates: then there is nothing fit to serve.
    """
    champion = registry.production(settings.model)
    if champion is None:
        champion = _first(home, settings, registry, translator, code_revision, reports)
    production = Production(
        model=champion.model, version=champion.version, digest=champion.digest, path=registry.local_path(champion)
    )
    home.set_production(production)
    return production


def _first(
    home: Home,
    settings: Settings,
    registry: ModelRegistry,
    translator: Translator,
    code_revision: str,
    reports: Reports,
) -> RegisteredVersion:
    reading = recipes_for_training(None, home.root)
    reports.say(f"Training {settings.model} {VERSION} on {reading.source} …")
    out = home.training / f"{settings.model}-{VERSION}"
    shutil.rmtree(out, ignore_errors=True)  # left by a start that was killed before it had registered anything
    request = TrainRequest(
        model=settings.model,
        version=VERSION,
        encoder=settings.encoder,
        code_revision=code_revision,
        threads=settings.threads,
    )
    trained = train(reading.recipes, out, request, translator=translator, progress=reports.progress, clock=perf_counter)
    reports.say("Registering it in MLflow …")
    register_artifact(registry, out, trained.manifest, by=WHO, why=f"first version, from {reading.source}")
    shutil.rmtree(out)
    return _judge(registry, settings.model, trained, reports)


def _judge(registry: ModelRegistry, model: str, trained: Trained, reports: Reports) -> RegisteredVersion:
    """Walk the version through its stages, each with the reason."""
    registry.transition(model, VERSION, Stage.VALIDATION, by=WHO, why=f"artefact verified, {trained.manifest.digest}")
    results = first_version_gates(trained.report)
    failed = "; ".join(result.reason for result in results if not result.passed)
    if failed:
        registry.transition(model, VERSION, Stage.ARCHIVED, by=WHO, why=failed)
        raise Permanent(f"the first version failed its gates: {failed}", hint="look at the corpus, then train again")
    reports.say("Promoting it to production …")
    registry.transition(model, VERSION, Stage.STAGING, by=WHO, why="; ".join(result.reason for result in results))
    return registry.transition(model, VERSION, Stage.PRODUCTION, by=WHO, why="first version: nothing to compare with")
