"""The controller in the cluster as its users have it: installed by the chart, told by kubectl, asked over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.cluster.chart import CHART, helm, settings
from tests.cluster.commands import CommandFailed, run, say, wait_until
from tests.cluster.images import ROLES
from tests.e2e.pods import local_volume, volume_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import World
    from tests.e2e.kube import Kube

HOST = "life.recipes.test"
API = "mlops.recipe-recommender.io/v1alpha1"
CRDS = [f"{plural}.mlops.recipe-recommender.io" for plural in ("models", "modelversions", "modelapprovals")]
CONTROLLER = "app.kubernetes.io/component=controller"
MODEL: dict[str, Any] = {
    "apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"},
    "spec": {
        "serving": {"hostname": HOST, "resources": {"limits": {"memory": "1Gi"}}},
        "evaluation": {
            "gates": [{"metric": "ndcg@10", "threshold": "0.3"}],
            "replay": {"queries": 50, "gates": [{"metric": "error-rate", "threshold": "0.01", "minSamples": 3}]},
        },
        "rollout": {
            "steps": [{"weight": 20, "pauseSeconds": 5}, {"weight": 50, "pauseSeconds": 5}],
            "analysis": {
                "intervalSeconds": 5, "windowSeconds": 30, "confidence": "0",
                "queries": [{"name": "inflight", "query":
                    'max(recipes_inflight{namespace="$namespace"} * on (pod) group_left () recipes_model_info{model="$model",version="$version"})'}],
                "gates": [
                    {"metric": "error-rate", "minAbsoluteChange": "-0.02", "minSamples": 10},
                    {"metric": "query/inflight", "threshold": "50", "greaterIsBetter": False},
                ],
            },
        },
        "rollback": {"bakeSeconds": 20},
        "retraining": {"schedule": "0 4 1 1 *"},
    },
}  # fmt: skip


def version(number: str) -> dict[str, Any]:
    return {
        "apiVersion": API, "kind": "ModelVersion", "metadata": {"name": f"recipes-{number.replace('.', '-')}"},
        "spec": {"model": "recipes", "version": number},
    }  # fmt: skip


class Life:
    """The controller, and what it says of a version."""

    def __init__(self, world: World, feedback: Path) -> None:
        self.world = world
        self.kube = world.kube
        self.feedback = feedback

    def status(self, number: str) -> dict[str, Any]:
        return self.kube.get("modelversion", version(number)["metadata"]["name"]).get("status", {})

    def stage(self, number: str) -> str:
        return self.status(number).get("stage", "")

    def wait(self, number: str, stage: str, seconds: float = 180) -> None:
        wait_until(lambda: self.stage(number) == stage, f"{number} in {stage}", seconds=seconds)

    def weights(self) -> dict[str, int]:
        """The split as the Gateway has it."""
        rules = self.kube.get("httproute", "recipes")["spec"]["rules"]
        (split,) = [rule for rule in rules if rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]]
        return {each["name"].removesuffix("-predictor"): each["weight"] for each in split["backendRefs"]}

    def leader(self) -> str:
        """The pod that decides."""
        return self.kube.get("lease", "rr-controller")["spec"]["holderIdentity"]


def install(world: World, chart: Path, **values: str) -> None:
    """Install a chart, or upgrade to it, with what it has to know of the cluster."""
    given = {f"images.{role}": world.images[role] for role in ROLES}
    given |= {"registry": world.registry, "gateway": "gateway/recipes", "feedback.claim": "feedback"} | values
    run(helm(), "--kubeconfig", world.kube.kubeconfig, "upgrade", "--install", "rr", chart,
        "--namespace", world.kube.namespace, "--wait", "--timeout", "3m", *settings(given))  # fmt: skip


@contextmanager
def installed(world: World, folder: Path, chart: Path = CHART, **values: str) -> Iterator[Life]:
    """Yield the controller, with feedback on a volume that is `folder` of this machine."""
    kube = world.kube
    kube.apply(*local_volume(kube, "feedback", folder, "1Gi"))
    # Kept by an uninstall, as they should be, and then another namespace's.
    kube("delete", "crd", "--ignore-not-found", *CRDS)
    install(world, chart, **values)
    try:
        yield Life(world, folder)
    finally:
        say(_last_words(kube))
        run(helm(), "--kubeconfig", kube.kubeconfig, "uninstall", "rr", "--namespace", kube.namespace, "--wait")
        release(kube)
        kube("delete", "persistentvolumeclaim", "feedback", "--wait=false")
        kube("delete", "persistentvolume", volume_name(kube, "feedback"), "--wait=false")


def _last_words(kube: Kube) -> str:
    try:
        return kube("logs", "--selector", CONTROLLER, "--prefix", "--tail=200")
    except CommandFailed as starting:  # one that was killed just now has no log yet
        return str(starting)


def release(kube: Kube) -> None:
    """Let go of what the controller holds: without one, its namespace would never end."""
    for kind in ("models", "modelversions"):
        for each in kube.list(kind):
            kube("patch", kind, each["metadata"]["name"], "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
