"""`make bench-scale`: what the controller costs with thousands of ModelVersions, against a real API server and MLflow.

Ten versions a model; all have ended but one in each of the first fifty models, whose artefact is being verified. Each size
prints how long the first start takes, which puts a finalizer on everything, and how long another; the memory, what idling
costs, and how soon a change is answered by a status.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kubernetes import config

from controller.cluster.api import KubeApi
from controller.cluster.kinds import MODELS, VERSIONS
from controller.cluster.worker import RESYNC_SECONDS
from mlops.cli.console import answers
from mlops.logging_config import LogConfig, configure_logging
from mlops.registry.server import open_server
from tests.cluster.apiserver import api_server
from tests.cluster.commands import run, say, wait_until
from tests.cluster.control_plane import free_ports
from tests.cluster.controller_process import ControllerProcess, controller_process, make_kinds
from tests.cluster.toolchain import toolset
from tests.clusterworld.cluster_world import ClusterWorld
from tests.scenarios.steps import eventually, push

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (500, 1000, 2000, 5000)
A_MODEL, ACTIVE = 10, 50
# What was not registered is asked for less and less, so rest comes after some minutes. Idling is watched until everything
# that recurs, but for the daily, has come due: the look at every model once, the registry and the comparison twice.
REST_SECONDS, IDLE_SECONDS = 200, RESYNC_SECONDS
LIMITS = {"start s": 30.0, "memory MiB": 250.0, "idle % of a core": 1.0, "p99 s": 1.0}
JUDGED_AT = 2000


def main() -> int:
    """Print the curve; 1 where a bound does not hold."""
    sizes = tuple(int(each) for each in sys.argv[1:]) or SIZES
    configure_logging(LogConfig(level="ERROR"))  # what the world in this process decides is nobody's to read
    ended = _ended()
    failed = []
    answers.print(
        f"{'versions':>9} {'models':>7} {'first s':>8} {'start s':>8} {'memory MiB':>11} {'idle % of a core':>17} {'p50 s':>6} {'p99 s':>6}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "mlflow").mkdir()
        with (
            api_server(folder / "api") as server,
            open_server(folder / "mlflow", free_ports(1)[0], os.environ) as mlflow,
        ):
            mlflow.start(lambda _: None)
            make_kinds(server.kubeconfig)
            for size in sizes:
                found = _measure(server.kubeconfig, mlflow.url, size, ended, folder)
                answers.print(f"{size:>9} {size // A_MODEL:>7} {found['first s']:>8.1f} {found['start s']:>8.1f} {found['memory MiB']:>11.0f} "
                      f"{found['idle % of a core']:>17.2f} {found['p50 s']:>6.2f} {found['p99 s']:>6.2f}")  # fmt: skip
                if size == JUDGED_AT:
                    failed = [name for name, limit in LIMITS.items() if found[name] > limit]
    if failed:
        answers.print(f"over the bound at {JUDGED_AT}: {', '.join(failed)}")
    return bool(failed)


def _ended() -> dict[str, Any]:
    """A version that was rejected by a gate, as the controller leaves it."""
    world = ClusterWorld()
    push("1.0.0", quality=0.1)(world)
    eventually("1.0.0", stage="Archived")(world)
    found = world.api.get(VERSIONS, "recipes-1-0-0")
    assert found is not None
    return found


def _measure(kubeconfig: Path, registry: str, size: int, ended: dict[str, Any], folder: Path) -> dict[str, float]:
    kubectl = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
    namespace = f"scale-{size}"
    run(*kubectl, "create", "namespace", namespace)
    api = config.new_client_from_config(str(kubeconfig))
    api.configuration.connection_pool_maxsize = 16
    kube = KubeApi(namespace, api)
    models = [f"model-{number}" for number in range(size // A_MODEL)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda model: _fill(kube, model, ended, active=model in models[:ACTIVE]), models))
    say(f"{size} versions are there")
    with controller_process(kubeconfig, namespace, folder, registry=registry) as controller:
        adopted = _started(controller, len(models))
    with controller_process(kubeconfig, namespace, folder, registry=registry) as controller:
        start = _started(controller, len(models))
        delays = list(_answers(kube, models[:ACTIVE]))
        time.sleep(REST_SECONDS)
        before = controller.cpu_seconds
        time.sleep(IDLE_SECONDS)
        idle = 100 * (controller.cpu_seconds - before) / IDLE_SECONDS
        memory = controller.megabytes
    run(*kubectl, "delete", "namespace", namespace, "--wait=false")
    return {
        "first s": adopted, "start s": start, "memory MiB": memory, "idle % of a core": idle,
        "p50 s": float(np.percentile(delays, 50)), "p99 s": float(np.percentile(delays, 99)),
    }  # fmt: skip


def _fill(kube: KubeApi, model: str, ended: dict[str, Any], *, active: bool) -> None:
    api_version = ended["apiVersion"]
    kube.create(MODELS, {"apiVersion": api_version, "kind": "Model", "metadata": {"name": model}, "spec": {}})
    for number in range(A_MODEL):
        document = _version(api_version, model, f"1.{number}.0")
        made = kube.create(VERSIONS, document)
        assert made is not None
        if not (active and number == A_MODEL - 1):
            kube.replace_status(VERSIONS, made | {"status": ended["status"]})


def _version(api_version: str, model: str, number: str) -> dict[str, Any]:
    name = f"{model}-{number.replace('.', '-')}"
    spec = {"model": model, "version": number, "requestedBy": "bench"}
    return {"apiVersion": api_version, "kind": "ModelVersion", "metadata": {"name": name}, "spec": spec}


def _started(controller: ControllerProcess, models: int) -> float:
    """Seconds from the start of the process until every model was looked at."""
    wait_until(lambda: _settled(controller, models), "every model was looked at", seconds=300)
    return time.monotonic() - controller.began


def _settled(controller: ControllerProcess, models: int) -> bool:
    rounds = controller.metric('recipes_controller_reconcile_duration_seconds_count{outcome="settled"}') or 0
    return rounds >= models and controller.metric("recipes_controller_queue_depth") == 0


def _answers(kube: KubeApi, models: list[str]) -> Iterator[float]:
    """Change what fifty versions are to do, one after the other, and yield how long the status takes to say so."""
    for round_ in range(4):
        for model in models:
            name = f"{model}-1-{A_MODEL - 1}-0"
            began = time.monotonic()
            changed = kube.merge(VERSIONS, name, {"spec": {"intent": "Hold" if round_ % 2 == 0 else "Promote"}})
            assert changed is not None
            generation = changed["metadata"]["generation"]
            while _observed(kube, name) < generation:
                time.sleep(0.005)
            yield time.monotonic() - began


def _observed(kube: KubeApi, name: str) -> int:
    found = kube.get(VERSIONS, name)
    assert found is not None
    return int(found.get("status", {}).get("observedGeneration", 0))


if __name__ == "__main__":
    sys.exit(main())
