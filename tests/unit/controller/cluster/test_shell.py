"""A version's way through the cluster's shell, over an API server in memory: what is made, in which order, and what
must be seen before the next step.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from controller.cluster.kinds import (
    DEPLOYMENTS,
    EVENTS,
    INFERENCE_SERVICES,
    JOBS,
    MODELS,
    PODS,
    ROUTES,
    SERVICES,
    VERSIONS,
)  # fmt: skip
from controller.cluster.settings import Settings
from controller.cluster.shell import ClusterShell, Gone, Surroundings
from controller.loop import settle
from controller.observation import RegistryFact
from mlops.errors import Permanent, Transient
from tests.fakes.kube_api import InMemoryKubeApi

API = "mlops.recipe-recommender.io/v1alpha1"
DIGEST = f"sha256:{'a' * 64}"
NAME = "recipes-1-0-0"


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

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 1, tzinfo=UTC)
        self.api = InMemoryKubeApi()
        self.registry = Registry()
        self.digests = {}
        settings = Settings(predictor_image="predictor:1", jobs_image="jobs:1", registry="http://mlflow:5000")
        around = Surroundings(
            api=self.api, settings=settings, prometheus=None, digest_at=self.digests.get, clock=lambda: self.now
        )
        self.shell = ClusterShell("recipes", around, self.registry)

    def apply(self, **spec):
        body = {"model": "recipes", "version": "1.0.0"} | spec
        self.api.create(VERSIONS, {"apiVersion": API, "kind": "ModelVersion", "metadata": {"name": NAME}, "spec": body})

    def settle(self):
        self.now += timedelta(seconds=1)
        return settle(self.shell, lambda: self.now)

    def finish(self, job, **answer):
        self.api.create(PODS, {
            "metadata": {"name": f"{job}-x", "labels": {"batch.kubernetes.io/job-name": job}},
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


@pytest.fixture
def cluster():
    return Cluster()


def test_the_first_version_goes_its_way_and_each_step_waits_for_the_one_before(cluster):
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    cluster.settle()
    assert cluster.api.get(MODELS, "recipes") is not None, "a version brings a Model with defaults"
    assert [each["metadata"]["name"] for each in cluster.api.list(JOBS)] == [f"{NAME}-verify-1"]

    cluster.finish(f"{NAME}-verify-1", state="Verified", digest=DIGEST)
    cluster.settle()
    assert cluster.stage == "Validation"

    sample = {"metric": "ndcg@10", "value": "0.5", "samples": 120}
    cluster.finish(f"{NAME}-eval-1", digest=DIGEST, samples=[sample])
    cluster.settle()
    assert cluster.stage == "Staging"
    assert cluster.api.get(INFERENCE_SERVICES, NAME) is not None
    assert cluster.api.get(ROUTES, "recipes") is None, "nobody is led to what does not answer"

    cluster.serve()
    cluster.settle()
    assert cluster.api.get(ROUTES, "recipes") is None, "all pods are there, but none has said its digest"

    cluster.digests["10.96.0.7"] = DIGEST
    cluster.settle()
    assert cluster.api.get(ROUTES, "recipes") is not None
    assert cluster.stage == "Staging", "the Gateway has not taken up the route"

    cluster.accept()
    cluster.settle()
    assert cluster.stage == "Production"
    assert cluster.registry.fact.champion == "1.0.0"
    assert cluster.api.get(MODELS, "recipes")["status"]["production"] == "1.0.0"
    assert {"ArtifactVerified", "GatesPassed"} <= {each["reason"] for each in cluster.api.list(EVENTS)}


def test_at_rest_nothing_is_written(cluster):
    cluster.apply()
    cluster.settle()
    cluster.api.verbs.clear()

    cluster.settle()

    assert cluster.api.verbs == []


def test_a_damaged_artefact_is_archived_with_what_the_job_said(cluster):
    cluster.apply()
    cluster.settle()
    cluster.finish(f"{NAME}-verify-1", state="Damaged", message="rows.jsonl is damaged")
    cluster.settle()

    status = cluster.api.get(VERSIONS, NAME)["status"]
    assert (status["stage"], status["reason"]) == ("Archived", "ArtifactDamaged")
    assert "rows.jsonl" in status["message"]
    assert cluster.api.list(INFERENCE_SERVICES) == []


def test_a_version_that_is_deleted_is_let_go(cluster):
    cluster.apply()
    cluster.settle()
    cluster.api.delete(VERSIONS, NAME)
    assert cluster.api.get(VERSIONS, NAME) is not None

    cluster.settle()

    assert cluster.api.get(VERSIONS, NAME) is None


def test_who_wrote_meanwhile_is_not_overwritten(cluster, monkeypatch):
    cluster.apply()
    write = cluster.api.replace_status

    def behind_somebody(kind, document):
        cluster.api.merge(kind, document["metadata"]["name"], {"metadata": {"labels": {"touched": "yes"}}})
        return write(kind, document)

    monkeypatch.setattr(cluster.api, "replace_status", behind_somebody)
    with pytest.raises(Transient, match="changed meanwhile"):
        cluster.settle()


def test_a_cluster_without_kserve_is_told_so_and_not_taken_for_an_empty_one(cluster):
    cluster.apply()
    cluster.api.lacking.add("InferenceService")

    with pytest.raises(Permanent, match="knows no InferenceService"):
        cluster.settle()


def test_nothing_left_of_a_model_is_gone(cluster):
    with pytest.raises(Gone):
        cluster.settle()


def test_a_version_that_cannot_be_read_stops_nobody_else(cluster):
    cluster.apply()
    broken = {"model": "recipes", "version": "2.0.0", "rollout": {"steps": [{"weight": 90}, {"weight": 10}]}}
    cluster.api.create(
        VERSIONS, {"apiVersion": API, "kind": "ModelVersion", "metadata": {"name": "recipes-2-0-0"}, "spec": broken}
    )

    cluster.settle()

    assert cluster.stage == "Training"
    assert "status" not in cluster.api.get(VERSIONS, "recipes-2-0-0")


def test_without_prometheus_a_measurement_says_what_to_set(cluster):
    from controller.actions import Measure  # noqa: PLC0415

    cluster.apply()
    cluster.settle()
    cluster.shell.perform(Measure(name="m", version="1.0.0", baseline=None, since=cluster.now, gates=()))

    (facts,) = cluster.shell.observe().facts
    assert "CONTROLLER_PROMETHEUS" in facts.measurement.error
