"""A cluster as a scenario's world: the installed controller, KServe, a Gateway, pods, Prometheus, MLflow, users who ask.

What is told are behaviours: of the pod that serves (`image/server.py`) and of what an evaluation finds (`image/job.py`).
Each scenario is a Model of its own, and time is real: policies count in units of a few seconds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

from controller.cluster.key import Key
from controller.cluster.kinds import INFERENCE_SERVICES, MODELS, ROUTES
from controller.cluster.recording import records_of
from controller.cluster.routing import Entrance, weights_of
from controller.resource.meta import Meta
from mlops.artifact.manifest import read_manifest
from mlops.model_registry import open_registry
from mlops.registering import register_artifact
from tests.cluster.commands import CommandFailed, wait_until
from tests.clusterworld.stored_world import StoredWorld
from tests.e2e.life import CONTROLLER
from tests.e2e.realworld.stage import METRICS, REGISTRY
from tests.embeddedworld.artefacts import exchange, write_artefact
from tests.embeddedworld.users import Users

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from controller.cluster.api import KubeApi
    from controller.replay import Record
    from tests.e2e.kube import Kube
    from tests.e2e.realworld.stage import Stage
    from tests.scenarios.world import Behaviour

UNIT = 6  # a Job's pod, or one that serves, has six of them to come up on a busy machine
PER_SECOND = 4.0
# As small as a pod of these is.
_RESOURCES = {"requests": {"cpu": "25m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}}


class RealWorld(StoredWorld):
    """One model of the namespace that `kube` is told about. `registry` is MLflow's address, for whoever is not cut off."""

    def __init__(
        self, model: str, kube: Kube, api: KubeApi, stage: Stage, *, gateway: str, registry: str, folder: Path
    ) -> None:
        super().__init__(api, model)
        self._kube = kube
        self._stage = stage
        self._folder = folder
        self._host = f"{model}.scenarios.test"
        self._entrance = Entrance(hostname=self._host, gateway="gateway/recipes", api="rr-controller")
        self._registry = open_registry(registry, lambda: datetime.now(UTC))  # noqa: TID251 - the real registry keeps the real time
        self._weights: dict[str, int] = {}
        self._versions: list[str] = []
        self.led_to: set[str] = set()
        self.asked = Users(gateway, PER_SECOND, threads=2, host=self._host)

    def __enter__(self) -> Self:
        self.asked.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask no more, and have everything of this model removed, which takes the controller."""
        self.asked.stop()
        self._registry.close()
        for version in self._versions:
            self.delete(version)
        self.api.delete(MODELS, self.model)
        wait_until(
            lambda: not any(map(self.exists, self._versions)), f"versions of {self.model} are let go", seconds=120
        )

    # What a scenario does

    def seconds(self, units: int) -> int:
        return units * UNIT

    def advance(self, units: int) -> None:
        end = monotonic() + self.seconds(units)
        while (left := end - monotonic()) > 0:
            sleep(min(1.0, left))
            self.look()

    def apply(self, manifest: Mapping[str, Any]) -> None:
        if manifest["kind"] == "Model":
            spec = manifest["spec"]
            serving = {"hostname": self._host, "resources": _RESOURCES, **spec.get("serving", {})}
            manifest = {**manifest, "spec": {**spec, "serving": serving}}
        super().apply(manifest)

    def behave(self, version: str, behaviour: Behaviour) -> None:
        """Its artefact is registered at the first word of it: damaged already, where it is to be."""
        self._stage.behave(self.model, version, behaviour)
        if version in self._versions:
            return
        self._versions.append(version)
        if behaviour.artifact == "missing":
            return
        folder = self._folder / version
        write_artefact(folder, version, self.model)
        manifest = read_manifest(folder)
        if behaviour.artifact == "damaged":
            exchange(folder)
        register_artifact(self._registry, folder, manifest, by="a scenario", why="trained")

    def approve(self, version: str, by: str, *, really: str | None = None) -> None:
        self._decide_on(version, "Approve", by, really or by)

    def reject(self, version: str, by: str) -> None:
        self._decide_on(version, "Reject", by, by)

    def users(self, state: str) -> None:
        self.asked.asking = state == "asking"

    def metrics(self, state: str) -> None:
        self._stage.fail(self.model, METRICS, state)

    def registry(self, state: str) -> None:
        self._stage.fail(self.model, REGISTRY, state)

    def jump(self, seconds: int) -> None:
        raise NotImplementedError("all clocks of a cluster are its machines'")

    # What a scenario sees

    def weights(self) -> dict[str, int]:
        self.look()
        return self._weights

    def look(self) -> None:
        """Read the split as the Gateway has it, and tell the stage who has all users."""
        route = self.api.get(ROUTES, self.model)
        found = weights_of(route, Meta(name=self.model), self._versions, self._entrance)
        if found is not None:  # while the Gateway has not taken up a change, what was before holds
            self._weights = found
            self.led_to |= set(found)
        self._stage.answers_all(self.model, next((each for each, weight in self._weights.items() if weight == 100), ""))

    def alias(self) -> str | None:
        champion = self._registry.production(self.model)
        return champion.version if champion else None

    @property
    def flags(self) -> tuple[str, ...]:
        """By which `kubectl recipes` finds it."""
        return ("--kubeconfig", str(self._kube.kubeconfig), "--namespace", self._kube.namespace, "--model", self.model)

    @property
    def decisions(self) -> dict[str, tuple[Record, ...]]:
        """What the controller's log still tells of each version."""
        lines = self._log("--tail=-1").splitlines()
        return {version: records_of(lines, Key(self.api.namespace, self.model), version) for version in self._versions}

    def last_check(self, version: str) -> list[dict[str, Any]]:
        """What its gates came to when they were last asked of users."""
        status = self._status(version)
        found: list[dict[str, Any]] = (status.get("bake") or status["canary"])["checks"]["results"]
        return found

    def _log(self, *arguments: str) -> str:
        return self._kube("logs", "--selector", CONTROLLER, *arguments)

    def explain(self, version: str) -> str:
        """Why it is where it is, with what the cluster says of the model beside it."""
        asked = self.asked
        served = {
            each["metadata"]["name"]: each.get("status", {}).get("conditions")
            for each in self.api.list(INFERENCE_SERVICES, {"mlops.recipe-recommender.io/model": self.model})
        }
        told = [
            line for line in self._log("--tail=3000").splitlines()
            if f'"model":"{self.model}"' in line and '"decided"' not in line
        ]  # fmt: skip
        pods = self._kube("get", "pods", "--selector", f"mlops.recipe-recommender.io/model={self.model}", "-o", "wide")
        return "\n".join(
            [
                super().explain(version),
                f"weights {self._weights}, answered {dict(asked.answered)}, failed {dict(asked.failed)}, lost {asked.lost[:3]}",
                str(served),
                pods,
                *told[-40:],
            ]
        )

    def _decide_on(self, version: str, decision: str, by: str, really: str) -> None:
        """As the person does it, by kubectl and with that person's rights. Raises PermissionError where refused."""
        manifest = self.approval(version, decision, by)
        try:
            self._kube("create", "--as", really, "-f", "-", text=json.dumps(manifest))
        except CommandFailed as refused:
            raise PermissionError(str(refused)) from refused
