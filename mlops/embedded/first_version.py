"""The first version of all: trained, judged, registered and promoted without anybody's help."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlops.artifact.manifest import read_manifest
from mlops.embedded.home import Production
from mlops.embedded.registering import register_artifact
from mlops.errors import Permanent
from mlops.model_registry import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops.embedded.home import Home
    from mlops.embedded.training_process import JudgedGate, TrainingProcess
    from mlops.model_registry import ModelRegistry, RegisteredVersion

VERSION = "1.0.0"
WHO = "recipes up"


class FirstVersion:
    """Finds what is in production, or makes a first version where the registry knows none."""

    def __init__(self, home: Home, model: str, training: TrainingProcess, say: Callable[[str], None]) -> None:
        self._home = home
        self._model = model
        self._training = training
        self._say = say

    def ensure(self, registry: Callable[[], ModelRegistry], *, fresh: bool) -> Production:
        """Return what is in production; `registry` waits until MLflow has started.

        In a fresh home, where nothing can be in production, the training runs while MLflow is importing. Raises
        Permanent when the first version fails its gates: then there is nothing fit to serve.
        """
        gates = self._train() if fresh else None
        self._say("Waiting for MLflow …")
        opened = registry()
        champion = opened.production(self._model)
        if champion is None:
            gates = self._train() if gates is None else gates
            self._say("Registering it in MLflow …")
            manifest = read_manifest(self._folder)
            register_artifact(opened, self._folder, manifest, by=WHO, why="first version")
            shutil.rmtree(self._folder)
            champion = self._judge(opened, gates, manifest.digest)
        production = Production(
            model=self._model, version=champion.version, digest=champion.digest, path=opened.local_path(champion)
        )
        self._home.set_production(production)
        return production

    @property
    def _folder(self) -> Path:
        return self._home.training / f"{self._model}-{VERSION}"

    def _train(self) -> tuple[JudgedGate, ...]:
        self._say(f"Training {self._model} {VERSION} …")
        shutil.rmtree(self._folder, ignore_errors=True)  # left by a start that was killed before it had registered it
        return self._training.train(self._model, VERSION, self._folder)

    def _judge(self, registry: ModelRegistry, gates: tuple[JudgedGate, ...], digest: str) -> RegisteredVersion:
        """Walk the version through its stages, each with the reason."""
        registry.transition(self._model, VERSION, Stage.VALIDATION, by=WHO, why=f"artefact verified, {digest}")
        failed = "; ".join(gate.reason for gate in gates if not gate.passed)
        if failed:
            registry.transition(self._model, VERSION, Stage.ARCHIVED, by=WHO, why=failed)
            raise Permanent(
                f"the first version failed its gates: {failed}", hint="look at the corpus, then train again"
            )
        self._say("Promoting it to production …")
        registry.transition(self._model, VERSION, Stage.STAGING, by=WHO, why="; ".join(gate.reason for gate in gates))
        return registry.transition(
            self._model, VERSION, Stage.PRODUCTION, by=WHO, why="first version: nothing to compare with"
        )
