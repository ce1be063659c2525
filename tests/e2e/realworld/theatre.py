"""Scenarios played at the same time, each as a Model of its own, on one cluster with one controller."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Semaphore
from time import monotonic, sleep
from typing import TYPE_CHECKING

from controller.cluster.api import connect_as_caller
from controller.replay import replay
from controller.resource.meta import GROUP
from tests.cluster.commands import say
from tests.e2e import registry
from tests.e2e.life import installed
from tests.e2e.prometheus import running_prometheus
from tests.e2e.realworld.real_world import RealWorld
from tests.e2e.realworld.stage import METRICS, REGISTRY, Stage
from tests.scenarios.table import play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.e2e.conftest import World
    from tests.scenarios.steps import Scenario

AT_ONCE = 10
_APART_SECONDS = 4.0  # so that their pods do not all come up in the same moment
APPROVERS = ("carla", "dora")


class Theatre:
    """Plays scenarios in the background; `outcome` waits for one of them."""

    def __init__(self, world: World, stage: Stage, folder: Path) -> None:
        self._world = world
        self._stage = stage
        self._folder = folder
        self._api = connect_as_caller(
            kubeconfig=str(world.kube.kubeconfig), context=None, namespace=world.kube.namespace, manager="scenarios"
        )
        self._registry = f"http://{world.kube.address('mlflow')}:{registry.PORT}"
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._turn = Semaphore(1)
        self._plays: dict[str, Future[None]] = {}

    def begin(self, scenarios: Iterable[Scenario]) -> None:
        """Have these played, as many at once as the machine bears."""
        for number, scenario in enumerate(scenarios):
            self._plays[scenario.sentence] = self._pool.submit(self._play, scenario, f"s{number:02}")

    def outcome(self, scenario: Scenario) -> None:
        """Wait until it was played; raises what it raised."""
        self._plays[scenario.sentence].result()

    def close(self) -> None:
        """Begin no more, and wait for what is on."""
        self._pool.shutdown(cancel_futures=True)

    def world(self, model: str) -> RealWorld:
        """A world of its own for a model."""
        return RealWorld(
            model, self._world.kube, self._api, self._stage,
            gateway=self._world.gateway, registry=self._registry, folder=self._folder / model,
        )  # fmt: skip

    def _play(self, scenario: Scenario, model: str) -> None:
        with self._turn:
            sleep(_APART_SECONDS)
        began = monotonic()
        with self.world(model) as world:
            try:
                play(scenario, world)
            except BaseException as fault:
                say(f"{model} failed after {monotonic() - began:.0f} s: {scenario.sentence}: {str(fault)[:300]}")
                raise
            say(f"{model} took {monotonic() - began:.0f} s: {scenario.sentence}")
            for version, records in world.decisions.items():
                assert replay(records) == (), f"{version} would be decided otherwise"
            asked = world.asked
            assert set(asked.answered) <= world.led_to, "users came to a version that the route never led to"
            if (
                "restarts" not in scenario.needs
            ):  # where a pod is made to be away, its users are told so until they are moved
                assert asked.lost == []


@contextmanager
def theatre(world: World, folder: Path) -> Iterator[Theatre]:
    """Yield it with a controller whose predictor and jobs are the actors, MLflow and Prometheus behind the stage."""
    kube = world.kube
    with running_prometheus(kube, folder / "prometheus") as prometheus:
        upstream = f"{kube.address('mlflow')}:{registry.PORT}"
        with Stage(kube.host, prometheus=prometheus.url.removeprefix("http://"), registry=upstream) as stage:
            kube.apply(*stage.manifests())
            # Mallory may write approvals, and none counts. By a manifest: `create role` asks for the kind, which comes later.
            kube.apply({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "writes-approvals"},
                "rules": [{"apiGroups": [GROUP], "resources": ["modelapprovals"], "verbs": ["create"]}],
            })  # fmt: skip
            kube("create", "rolebinding", "mallory-writes", "--role=writes-approvals", "--user=mallory")
            for person in APPROVERS:
                kube(
                    "create",
                    "rolebinding",
                    f"{person}-approves",
                    f"--clusterrole={kube.namespace}-rr-approve",
                    f"--user={person}",
                )
            actor = world.images["actor"]
            acting = replace(
                world, registry=f"http://stage:{REGISTRY}",
                images={"controller": world.images["controller"], "predictor": actor, "jobs": actor},
            )  # fmt: skip
            chosen = {"prometheus": f"http://stage:{METRICS}", "controller.workers": "8"}
            with installed(acting, world.volumes / "feedback-scenarios", **chosen, **{"feedback.claim": ""}):
                playing = Theatre(acting, stage, folder / "artefacts")
                try:
                    yield playing
                finally:
                    playing.close()
