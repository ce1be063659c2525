"""Whether a version is served, read from what KServe, the Deployment and the pods say."""

from __future__ import annotations

from copy import deepcopy

import pytest

from controller.actions import EnsureServing
from controller.cluster.kinds import DIGEST, REVISION, VERSION
from controller.cluster.serving import ISVC, inference_service, serving_fact
from controller.observation import ServingState
from controller.resource.meta import Meta
from controller.resource.model import Amounts, Autoscaling, Load, Resources, Serving
from mlops.errors import Permanent
from tests.builders.surroundings import SETTINGS

DIGEST_A = f"sha256:{'a' * 64}"
SERVICE = {"metadata": {"name": "recipes-1-0-0", "annotations": {REVISION: "r1"}}}


def deployment(**status):
    counts = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": counts | status}


def pod(**status):
    return {"status": status}


FETCH_ENDED = {"initContainerStatuses": [
    {"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 6, "message": "noise\nthe digest differs"}}},
]}  # fmt: skip
CRASHING = {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}]}
TALKING = {"containerStatuses": [{
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
    "lastState": {"terminated": {"message": "starting\ncannot load the model"}},
}]}  # fmt: skip
UNSCHEDULED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: insufficient memory"}]}

CASES = {
    "all pods available, and it says its digest": (deployment(), (), DIGEST_A, ServingState.READY, ""),
    "no Deployment yet": (None, (), None, ServingState.PENDING, "no Deployment"),
    "one pod of two": (deployment(availableReplicas=1), (), DIGEST_A, ServingState.PENDING, "1 of 2"),
    "an old template's pods": (deployment(updatedReplicas=1), (), DIGEST_A, ServingState.PENDING, "of 2"),
    "a generation that nobody looked at": (deployment(observedGeneration=2), (), DIGEST_A, ServingState.PENDING, ""),
    "pods that say nothing": (deployment(), (), None, ServingState.PENDING, "2 of 2"),
    "a pod that crashes": (deployment(availableReplicas=0), (pod(**CRASHING),), None, ServingState.PENDING, "CrashLoopBackOff"),
    "a pod that says why it ended": (deployment(availableReplicas=0), (pod(**TALKING),), None, ServingState.PENDING, "cannot load"),
    "no room": (deployment(availableReplicas=0), (pod(**UNSCHEDULED),), None, ServingState.PENDING, "insufficient memory"),
    "an artefact that will never be right": (deployment(), (pod(**FETCH_ENDED),), DIGEST_A, ServingState.REFUSED, "the digest differs"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "pods", "said", "state", "message"), CASES.values(), ids=CASES.keys())
def test_a_version_is(found, pods, said, state, message):
    fact = serving_fact(SERVICE, found, pods, said)

    assert fact.state is state
    assert message in fact.message
    assert fact.revision == "r1"
    assert fact.digest == (DIGEST_A if state is ServingState.READY else None)


def manifest(settings=SETTINGS, **serving):
    action = EnsureServing(
        name="recipes-1-0-0", version="1.0.0+b1", digest=DIGEST_A, serving=Serving(**serving), revision="r1"
    )
    return inference_service(action, settings, Meta(name="recipes", uid="u1"), source=None)


def test_what_a_version_is_stands_in_annotations():
    assert (
        manifest()["metadata"]["annotations"].items() >= {VERSION: "1.0.0+b1", DIGEST: DIGEST_A, REVISION: "r1"}.items()
    )


def test_every_container_is_restricted_and_pins_the_digest():
    spec = manifest()["spec"]["predictor"]
    for each in (*spec["initContainers"], *spec["containers"]):
        assert each["securityContext"]["readOnlyRootFilesystem"]
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert f"--digest={DIGEST_A}" in each["args"]
        assert each["image"] == "predictor:1"
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["automountServiceAccountToken"] is False


def test_what_a_model_names_comes_before_the_defaults():
    limits = Resources(limits=Amounts(memory="3Gi"))
    spec = manifest(image="mine:2", min_replicas=2, max_replicas=5, resources=limits)["spec"]["predictor"]
    (serve,) = spec["containers"]

    assert serve["image"] == "mine:2"
    assert serve["resources"]["limits"] == {"memory": "3Gi"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)


def scaled(settings=SETTINGS, **autoscaling):
    made = manifest(settings, max_replicas=5, autoscaling=Autoscaling(**autoscaling))
    (metric,) = made["spec"]["predictor"]["autoScaling"]["metrics"]
    return made["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"], metric


def test_nothing_scales_without_a_ceiling():
    made = manifest(min_replicas=3)
    assert made["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert "autoScaling" not in made["spec"]["predictor"]


def test_processor_and_memory_are_held_by_an_hpa():
    held = {"type": "Utilization", "averageUtilization": 80}
    assert scaled() == ("hpa", {"type": "Resource", "resource": {"name": "cpu", "target": held}})
    kind, metric = scaled(metric=Load.MEMORY, target=60)
    assert (kind, metric["resource"]["name"], metric["resource"]["target"]["averageUtilization"]) == (
        "hpa",
        "memory",
        60,
    )


def test_requests_are_counted_by_keda_for_this_version_alone():
    asked = SETTINGS.model_copy(update={"prometheus": "http://prometheus:9090"})
    kind, metric = scaled(asked, metric=Load.REQUESTS, target=40)
    counted = metric["external"]["metric"]
    assert (kind, counted["serverAddress"], metric["external"]["target"]["value"]) == (
        "keda",
        "http://prometheus:9090",
        "40",
    )
    assert 'namespace="default",pod=~"recipes-1-0-0-b1-predictor-.*",version="1.0.0+b1"' in counted["query"]
    with pytest.raises(Permanent, match="knows no Prometheus"):
        scaled(metric=Load.REQUESTS)


def test_pods_are_spread_and_as_urgent_as_the_release_says():
    urgent = SETTINGS.model_copy(update={"predictor_priority_class": "high"})
    assert manifest(urgent)["spec"]["predictor"]["priorityClassName"] == "high"
    spec = manifest()["spec"]["predictor"]
    assert "priorityClassName" not in spec
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"] == {"matchLabels": {ISVC: "recipes-1-0-0"}}


def test_the_same_wish_gives_the_same_manifest():
    assert manifest() == deepcopy(manifest())


def test_feedback_is_kept_by_each_pod_in_its_own_folder_of_one_claim():
    settings = SETTINGS.model_copy(update={"feedback_claim": "feedback", "user_salt_secret": "salt"})
    spec = manifest(settings)["spec"]["predictor"]
    (serve,) = spec["containers"]
    env = {each["name"]: each for each in serve["env"]}

    assert env["PREDICTOR_FEEDBACK_FOLDER"]["value"] == "/var/feedback"
    assert env["PREDICTOR_USER_SALT"]["valueFrom"]["secretKeyRef"] == {"name": "salt", "key": "salt"}
    assert {"name": "feedback", "mountPath": "/var/feedback", "subPathExpr": "$(POD_NAME)"} in serve["volumeMounts"]
    assert {"name": "feedback", "persistentVolumeClaim": {"claimName": "feedback"}} in spec["volumes"]
    assert all(each["name"] != "feedback" for each in spec["initContainers"][0]["volumeMounts"])


VARIABLES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_SERVICE_NAME": "the controller", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
}  # fmt: skip


def test_spans_go_where_the_controllers_own_go_and_otherwise_nowhere():
    (serve,) = manifest()["spec"]["predictor"]["containers"]
    assert not [each for each in serve["env"] if each["name"].startswith("OTEL_")]
    settings = SETTINGS.model_copy(update={"otel": VARIABLES})
    (serve,) = manifest(settings)["spec"]["predictor"]["containers"]
    env = {each["name"]: each["value"] for each in serve["env"]}

    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4317"
    assert env["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc"
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in env, "a secret does not stand in a pod's manifest"
    assert env["OTEL_SERVICE_NAME"] == "recipes-predictor"
    assert (env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"]) == ("parentbased_traceidratio", "0.1")
    assert env["OTEL_RESOURCE_ATTRIBUTES"] == "service.version=1.0.0+b1"
    said = SETTINGS.model_copy(update={"otel": VARIABLES | {"OTEL_TRACES_SAMPLER": "always_on"}})
    (serve,) = manifest(said)["spec"]["predictor"]["containers"]
    env = {each["name"]: each["value"] for each in serve["env"]}
    assert env["OTEL_TRACES_SAMPLER"] == "always_on"
    assert "OTEL_TRACES_SAMPLER_ARG" not in env


def test_only_who_fetches_the_artefact_gets_the_login_of_the_registry():
    settings = SETTINGS.model_copy(update={"registry_secret": "mlflow-login"})
    spec = manifest(settings)["spec"]["predictor"]
    (fetch,), (serve,) = spec["initContainers"], spec["containers"]

    assert fetch["envFrom"] == [{"secretRef": {"name": "mlflow-login"}}]
    assert "envFrom" not in serve, "what answers users knows no password"
    assert "envFrom" not in manifest()["spec"]["predictor"]["initContainers"][0]
