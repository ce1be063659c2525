"""The first version of all: trained, judged, registered and promoted without anybody's help."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from mlops.embedded.corpus import recipes_for_training
from mlops.embedded.home import Production
from mlops.embedded.registering import register_artifact
from mlops.errors import Permanent
from mlops.evaluation.gates import first_version_gates
from mlops.model_registry import Stage
from mlops.training import Trained, TrainRequest, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


class FirstVersion:
    """Finds what is in production, or makes a first version where the registry knows none."""

    def __init__(
        self, home: Home, settings: Settings, translator: Translator, code_revision: str, reports: Reports
    ) -> None:
        self._home = home
        self._settings = settings
        self._translator = translator
        self._code_revision = code_revision
        self._reports = reports

    def ensure(self, registry: Callable[[], ModelRegistry], *, fresh: bool) -> Production:
        """Return what is in production; `registry` waits until MLflow has started.

        In a fresh home, where nothing can be in production, the training runs while MLflow is importing. Raises
        Permanent when the first version fails its gates: then there is nothing fit to serve.
        """
        model = self._settings.model
        trained = self._train() if fresh else None
        self._reports.say("Waiting for MLflow …")
        opened = registry()
        champion = opened.production(model)
        if champion is None:
            trained = trained or self._train()
            self._register(opened, trained)
            champion = _judge(opened, model, trained, self._reports)
        production = Production(
            model=model, version=champion.version, digest=champion.digest, path=opened.local_path(champion)
        )
        self._home.set_production(production)
        return production

    @property
    def _folder(self) -> Path:
        return self._home.training / f"{self._settings.model}-{VERSION}"

    def _train(self) -> Trained:
        reading = recipes_for_training(None, self._home.root)
        self._reports.say(f"Training {self._settings.model} {VERSION} on {reading.source} …")
        shutil.rmtree(self._folder, ignore_errors=True)  # left by a start that was killed before it had registered it
        request = TrainRequest(
            model=self._settings.model,
            version=VERSION,
            encoder=self._settings.encoder,
            code_revision=self._code_revision,
            threads=self._settings.threads,
        )
        return train(
            reading.recipes,
            self._folder,
            request,
            translator=self._translator,
            progress=self._reports.progress,
            clock=perf_counter,
        )

    def _register(self, registry: ModelRegistry, trained: Trained) -> None:
        self._reports.say("Registering it in MLflow …")
        register_artifact(registry, self._folder, trained.manifest, by=WHO, why="first version")
        shutil.rmtree(self._folder)


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
