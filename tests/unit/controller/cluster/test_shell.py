"""A version's way through the cluster's shell, over an API server in memory: what is made, in which order, and what
must be seen before the next step.
"""

from __future__ import annotations

import pytest

from controller.cluster.key import Key
from controller.cluster.kinds import (
    EVENTS,
    FINALIZER,
    INFERENCE_SERVICES,
    JOBS,
    MODELS,
    ROUTES,
    SERVICES,
    VERSIONS,
    watched,
)  # fmt: skip
from controller.cluster.mirror import Mirror
from controller.cluster.shell import ClusterShell, Gone
from mlops.errors import Permanent, Transient
from tests.builders.cluster_in_memory import API, DIGEST, NAME, SAMPLE, Cluster


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

    cluster.finish(f"{NAME}-eval-1", digest=DIGEST, run="r1", samples=[SAMPLE])
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
    told = [each for each in cluster.api.list(EVENTS) if each["reason"] == "InvalidSpec"]
    assert [each["regarding"]["name"] for each in told] == ["recipes-2-0-0"]
    assert "weight" in told[0]["note"]


def test_a_model_that_cannot_be_read_is_told_so_and_decides_nothing(cluster):
    cluster.apply()
    falling = {"rollout": {"steps": [{"weight": 90}, {"weight": 10}]}}
    cluster.api.create(MODELS, {"apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"}, "spec": falling})

    for _ in range(2):
        with pytest.raises(Permanent, match="weight"):
            cluster.settle()

    assert [each["reason"] for each in cluster.api.list(EVENTS)] == ["InvalidSpec"]


def test_without_prometheus_a_measurement_says_what_to_set(cluster):
    from controller.actions import Measure  # noqa: PLC0415

    cluster.apply()
    cluster.settle()
    cluster.shell.perform(Measure(name="m", version="1.0.0", baseline=None, since=cluster.now, gates=()))

    (facts,) = cluster.shell.observe().facts
    assert "CONTROLLER_PROMETHEUS" in facts.measurement.error


@pytest.fixture
def served(cluster):
    """The first version in production."""
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    cluster.work()
    assert cluster.stage == "Production"
    return cluster


def test_a_route_that_a_stranger_wrote_to_is_set_anew_though_the_gateway_cannot_use_it(served):
    stored = served.api.get(ROUTES, "recipes")
    stored["spec"]["rules"][0]["backendRefs"][0]["name"] = "mlflow"
    served.api.merge(ROUTES, "recipes", {"spec": stored["spec"]})
    served.settle()
    (backend,) = served.api.get(ROUTES, "recipes")["spec"]["rules"][0]["backendRefs"]
    assert (backend["name"], backend["weight"]) == (f"{NAME}-predictor", 100)


def test_a_host_that_the_model_names_anew_reaches_the_route(served):
    served.api.merge(MODELS, "recipes", {"spec": {"serving": {"hostname": "new.example"}}})
    served.settle()
    assert served.api.get(ROUTES, "recipes")["spec"]["hostnames"] == ["new.example"]


def test_an_inference_service_that_a_stranger_wrote_to_is_made_as_it_was(served):
    before = served.api.get(INFERENCE_SERVICES, NAME)["spec"]
    served.api.merge(INFERENCE_SERVICES, NAME, {"spec": {"predictor": {"minReplicas": 7}}})
    served.settle()
    assert served.api.get(INFERENCE_SERVICES, NAME)["spec"] == before
    changes = served.api.changes
    served.settle()
    assert served.api.changes == changes, "and then it rests"


def test_without_a_gateway_a_service_leads_all_users_to_production():
    cluster = Cluster(traffic="service")
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    cluster.work()
    assert cluster.stage == "Production"
    assert cluster.api.list(ROUTES) == []
    led = cluster.api.get(SERVICES, "recipes")
    assert led["spec"]["selector"] == {"serving.kserve.io/inferenceservice": NAME}
    cluster.api.delete(SERVICES, "recipes")
    cluster.settle()
    assert cluster.api.get(SERVICES, "recipes") is not None, "whoever deletes it sees it come back"


@pytest.mark.parametrize("gateway", ["well", "broken"])
def test_all_that_is_deleted_at_once_goes_and_nothing_is_left_or_comes_back(served, gateway):
    served.api.delete(VERSIONS, NAME)
    served.settle()
    assert served.api.get(VERSIONS, NAME) is not None, "it answers users, and nothing takes its place"
    if gateway == "broken":
        served.api.set_status(ROUTES, "recipes", parents=[])
    served.api.delete(MODELS, "recipes")
    with pytest.raises(Gone):
        served.settle()
    kinds = (VERSIONS, MODELS, ROUTES, INFERENCE_SERVICES)
    assert [each for kind in kinds for each in served.api.list(kind)] == []


def test_a_version_that_stays_brings_a_model_back_with_defaults(served):
    served.api.merge(MODELS, "recipes", {"spec": {"paused": True}})
    served.api.delete(MODELS, "recipes")
    for _ in range(3):
        served.settle()
    assert served.api.get(MODELS, "recipes")["spec"] == {}


def test_a_process_that_has_just_begun_shows_what_has_long_been_at_rest(served):
    served.around.board.forget(Key("shop", "recipes"))
    served.restart()
    served.settle()
    (line,) = served.around.board.lines()[Key("shop", "recipes")]
    assert (line.version, line.stage, line.weight) == ("1.0.0", "Production", 100)


@pytest.mark.parametrize("known", [True, False], ids=["another Model", "no Model"])
def test_a_version_is_judged_by_the_model_that_came_with_it_whichever_watch_is_slower(cluster, known):
    """`kubectl apply` of both: two watches, and that of the versions told first."""
    api = cluster.api
    mirror = Mirror(api, watched(splits=True), lambda: 0.0)
    model = {"apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"}, "spec": {}}
    if known:
        api.create(MODELS, model | {"metadata": {"name": "recipes", "finalizers": [FINALIZER]}})
    mirror.fill()
    steps = {"rollout": {"steps": [{"weight": 7}]}}
    if known:
        api.merge(MODELS, "recipes", {"spec": steps})
    else:
        api.create(MODELS, model | {"spec": steps})
    cluster.apply()
    mirror.saw(VERSIONS, "ADDED", api.get(VERSIONS, NAME))
    shell = ClusterShell("recipes", mirror.within(api.namespace), cluster.around, cluster.registry)

    seen = shell.observe()

    assert [each.spec.version for each in seen.versions] == ["1.0.0"]
    assert [step.weight for step in seen.model.spec.rollout.steps] == [7]
