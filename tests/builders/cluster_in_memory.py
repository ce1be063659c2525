"""A cluster in memory around the shell: what KServe, the Gateway and Kubernetes itself would do is done by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from controller.cluster.kinds import (
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    JOB_NAME,
    JOBS,
    MODEL,
    PODS,
    PURPOSE,
    ROUTES,
    SERVICES,
    VERSIONS,
)
from controller.cluster.shell import ClusterShell
from controller.loop import settle
from controller.observation import RegistryFact
from tests.builders.surroundings import SETTINGS, surroundings
from tests.fakes.kube_api import InMemoryKubeApi

API = "mlops.recipe-recommender.io/v1alpha1"
DIGEST = f"sha256:{'a' * 64}"
NAME = "recipes-1-0-0"
SAMPLE = {"metric": "ndcg@10", "value": "0.5", "samples": 120}


class _Through:
    """The API as the shell sees it; a test may put something before single verbs."""

    def __init__(self, api: InMemoryKubeApi) -> None:
        self._api = api

    def __getattr__(self, name):
        return getattr(self._api, name)

    def renew(self, _kind, _name):
        """Nothing is mirrored here."""


class Registry:
    """The part of a RegistryWatch that a shell uses."""

    def __init__(self) -> None:
        self.fact = RegistryFact(champion=None)
        self.followed = {}

    def promote(self, version, _why):
        self.fact = RegistryFact(champion=version)

    def follow(self, statuses):
        self.followed = dict(statuses)


class Cluster:
    """The shell, and what KServe, the Gateway and Kubernetes itself would do beside it."""

    def __init__(self, **settings) -> None:
        self.now = datetime(2026, 7, 1, tzinfo=UTC)
        self.api = InMemoryKubeApi()
        self.shell_api = _Through(self.api)  # what the shell writes goes through here, what the world does does not
        self.registry = Registry()
        self.digests = {}
        self.entered = []
        self.spans = []
        self.around = surroundings(
            settings=SETTINGS.model_copy(update=settings), digest_at=self.digests.get, clock=lambda: self.now,
            entered=lambda *what: self.entered.append(what), trace=self.spans.extend,
        )  # fmt: skip
        self.restart()

    def restart(self):
        """Another process takes over: it knows what the API knows."""
        self.shell = ClusterShell("recipes", self.shell_api, self.around, self.registry)

    def apply(self, **spec):
        body = {"model": "recipes", "version": "1.0.0"} | spec
        self.api.create(VERSIONS, {"apiVersion": API, "kind": "ModelVersion", "metadata": {"name": NAME}, "spec": body})

    def settle(self):
        self.now += timedelta(seconds=1)
        return settle(self.shell, lambda: self.now)

    def work(self):
        """Both sides work until nothing is left to do; long enough for a first version to go all its way."""
        for _ in range(8):
            self.settle()
            self.follow()

    def finish(self, job, **answer):
        self.api.create(PODS, {
            "metadata": {"name": f"{job}-x", "labels": {JOB_NAME: job, MODEL: "recipes"}},
            "status": {"containerStatuses": [{"state": {"terminated": {
                "finishedAt": "2026-07-01T00:00:09Z", "message": json.dumps(answer),
            }}}]},
        })  # fmt: skip
        self.api.set_status(JOBS, job, conditions=[{"type": "Complete", "status": "True"}])

    def serve(self):
        """KServe makes a Deployment, and its pods come up."""
        made = self.api.get(INFERENCE_SERVICES, NAME)
        self.api.create(DEPLOYMENTS, {
            "metadata": {"name": f"{NAME}-predictor", "labels": made["metadata"]["labels"]}, "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        })  # fmt: skip
        self.api.create(SERVICES, {"metadata": {"name": f"{NAME}-predictor"}, "spec": {"clusterIP": "10.96.0.7"}})

    def accept(self):
        generation = self.api.get(ROUTES, "recipes")["metadata"]["generation"]
        self.api.set_status(ROUTES, "recipes", parents=[{"conditions": [
            {"type": each, "status": "True", "observedGeneration": generation} for each in ("Accepted", "ResolvedRefs")
        ]}])  # fmt: skip

    @property
    def stage(self):
        return self.api.get(VERSIONS, NAME)["status"]["stage"]

    def follow(self):
        """The world does what was asked of it so far."""
        for job in self.api.list(JOBS):
            if "status" not in job:
                verifies = job["metadata"]["labels"][PURPOSE] == "verify"
                answer = (
                    {"state": "Verified", "digest": DIGEST}
                    if verifies
                    else {"digest": DIGEST, "samples": [SAMPLE], "run": "r1"}
                )
                self.finish(job["metadata"]["name"], **answer)
        if self.api.get(INFERENCE_SERVICES, NAME) is not None:
            self.digests["10.96.0.7"] = DIGEST
            self.serve()
        if self.api.get(ROUTES, "recipes") is not None:
            self.accept()
