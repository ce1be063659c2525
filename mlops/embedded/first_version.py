"""The first version of all: trained and registered without anybody's help, then judged and promoted like any other."""

from __future__ import annotations

import shutil
from time import sleep
from typing import TYPE_CHECKING

from controller.resource.meta import API_VERSION
from controller.resource.version import Lineage
from controller.stages import Stage
from mlops.artifact.manifest import read_manifest
from mlops.errors import NotFound, Permanent
from mlops.model_registry import next_version, parse_version
from mlops.registering import register_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.resource.version_status import VersionStatus
    from mlops.embedded.home import Home
    from mlops.embedded.resources import Resources
    from mlops.embedded.training_process import TrainingProcess
    from mlops.model_registry import ModelRegistry

FIRST = "1.0.0"
WHO = "recipes up"
POLL_SECONDS = 0.2


class FirstVersion:
    """Brings a version on its way where none is, and tells how it fares."""

    def __init__(
        self, home: Home, model: str, resources: Resources, training: TrainingProcess, say: Callable[[str], None]
    ) -> None:
        self._home = home
        self._model = model
        self._resources = resources
        self._training = training
        self._say = say

    @property
    def needed(self) -> bool:
        """True where nothing is in production and nothing on its way there."""
        return all(
            version.status is not None and version.status.stage is Stage.ARCHIVED
            for version in self._resources.versions()
        )

    def send(self, registry: Callable[[], ModelRegistry], *, fresh: bool) -> str:
        """Put a version on its way to production, and return its number; `registry` waits until MLflow has started.

        In a fresh home, where nothing can be registered yet, the training runs while MLflow is importing. What the
        registry calls champion goes first: this home's state may have been removed.
        """
        number = self._next()
        trace = self._train(number) if fresh else None
        self._say("Waiting for MLflow …")
        opened = registry()
        champion = opened.production(self._model)
        if champion is not None and not self._resources.versions():
            number = champion.version
        elif not self._registered(opened, number):
            if not fresh:
                trace = self._train(number)
            self._register(opened, number)
        lineage = {"trigger": Lineage().trigger.value} | ({} if trace is None else {"trace": trace})
        spec = {"model": self._model, "version": number, "lineage": lineage}
        self._resources.apply({"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": spec}, by=WHO)
        return number

    def follow(self, number: str, serving: Callable[[], bool], stopped: Callable[[], bool]) -> None:
        """Tell what happens to the version until it answers. Raises Permanent when it is archived instead."""
        told = ""
        while not serving() and not stopped():
            status = self._resources.version(number).status
            if status is not None:
                if status.outcome is not None:
                    remedy = status.outcome.reason.remedy or "Look at the corpus."
                    raise Permanent(
                        f"the first version came to nothing: {status.outcome.message}",
                        hint=f"{remedy} `recipes explain {number}` tells all",
                    )
                told = self._tell(status, told)
            sleep(POLL_SECONDS)

    def _tell(self, status: VersionStatus, told: str) -> str:
        headline = f"{status.stage}: {status.message or status.reason.meaning}"
        if headline != told:
            self._say(headline)
        return headline

    def _next(self) -> str:
        known = [version.spec.version for version in self._resources.versions()]
        return next_version(max(known, key=parse_version), "patch") if known else FIRST

    def _registered(self, registry: ModelRegistry, number: str) -> bool:
        """Whether a start before this one came as far as registering it."""
        try:
            registry.get(self._model, number)
        except NotFound:
            return False
        return True

    def _train(self, number: str) -> str | None:
        self._say(f"Training {self._model} {number} …")
        folder = self._home.training / f"{self._model}-{number}"
        shutil.rmtree(folder, ignore_errors=True)  # left by a start that was killed before it had registered it
        return self._training.train(self._model, number, folder)

    def _register(self, registry: ModelRegistry, number: str) -> None:
        self._say("Registering it in MLflow …")
        folder = self._home.training / f"{self._model}-{number}"
        register_artifact(registry, folder, read_manifest(folder), by=WHO, why="first version")
        shutil.rmtree(folder)
