"""The chart: whatever is set, a real API server takes every object of it as it stands, and what is wrong is refused."""

from __future__ import annotations

import pytest
import yaml
from kubernetes import client

from tests.cluster.chart import CHART, INSTALL, helm, install_manifest, rendered, settings
from tests.cluster.commands import CommandFailed, run, wait_established
from tests.cluster.controller_process import make_kinds
from tests.cluster.toolchain import NotBuilt, module_folder, toolset

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

COMBINATIONS = {
    "as it stands": {},
    "the sample": {"sample.enabled": "true", "sample.version": "2.1.0-rc.1"},
    "an MLflow of one's own that asks for a login": {
        "registry": "https://mlflow.example.org", "registrySecret": "mlflow-login", "sample.enabled": "true",
    },
    "MLflow over PostgreSQL and a bucket": {
        "mlflow.databaseSecret": "db", "mlflow.artifacts": "s3://recipes/mlflow", "mlflow.artifactsSecret": "bucket",
    },
    "MLflow on a claim that exists, whose database is somebody's business": {
        "mlflow.storage.claim": "there", "mlflow.migrate": "false",
    },
    "one replica without reviews, no Gateway": {
        "controller.replicas": "1", "controller.reviews": "false", "controller.record": "false", "traffic": "service",
    },
    "everything that watches": {
        "monitoring.monitors.enabled": "true", "monitoring.rules.enabled": "true",
        "monitoring.dashboards.enabled": "true", "monitoring.monitors.labels.release": "prometheus",
        "prometheus": "http://prometheus.monitoring:9090", "otlpEndpoint": "http://collector:4318",
    },
    "nobody reaches what they need not": {"networkPolicies.enabled": "true", "registry": "http://mlflow.ml:5000"},
    "policies with all else": {
        "networkPolicies.enabled": "true", "prometheus": "http://prometheus.monitoring:9090",
        "mlflow.databaseSecret": "db", "sample.enabled": "true", "otlpEndpoint": "http://collector:4318",
        "networkPolicies.egress[0].ports[0].port": "53", "networkPolicies.egress[0].ports[0].protocol": "UDP",
    },
    "every namespace": {
        "controller.scope": "cluster", "sample.enabled": "true", "networkPolicies.enabled": "true",
        "modelNamespaces": "{kube-public}", "monitoring.monitors.enabled": "true", "controller.replicas": "3",
    },
    "every namespace, no Gateway, an MLflow of one's own": {
        "controller.scope": "cluster", "traffic": "service", "registry": "http://mlflow.ml:5000",
        "predictors.budget": "false",
    },
    "placed": {
        "controller.priorityClassName": "system-cluster-critical", "controller.nodeSelector.disk": "fast",
        "predictors.priorityClassName": "system-cluster-critical", "jobs.priorityClassName": "low",
        "controller.tolerations[0].key": "dedicated", "controller.tolerations[0].operator": "Exists",
        "mlflow.nodeSelector.disk": "fast", "controller.podAnnotations.team": "ml", "controller.podLabels.team": "ml",
        "images.pullSecrets[0].name": "hub", "feedback.claim": "feedback", "feedback.userSaltSecret": "salt",
    },
}  # fmt: skip
REFUSED = {
    "a word that nobody knows": ({"contoller.replicas": "1"}, "contoller"),
    "a word that nobody knows, deeper": ({"mlflow.storage.sise": "1Gi"}, "sise"),
    "an address that is none": ({"registry": "mlflow:5000"}, "registry"),
    "a scope that is none": ({"controller.scope": "planet"}, "scope"),
    "a way of traffic that is none": ({"traffic": "istio"}, "traffic"),
    "a size that is none": ({"mlflow.storage.size": "much"}, "size"),
    "a version that is none": ({"sample.version": "one"}, "version"),
    "too many replicas": ({"controller.replicas": "99"}, "replicas"),
}


@pytest.fixture(scope="module", autouse=True)
def built():
    try:
        helm()
    except NotBuilt as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def kubectl(kubeconfig):
    """kubectl at a server that knows our kinds and those of the Prometheus operator."""
    make_kinds(kubeconfig)
    command = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
    module = module_folder("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
    folder = module / "example" / "prometheus-operator-crd"
    for plural in ("servicemonitors", "podmonitors", "prometheusrules"):
        run(*command, "apply", "--server-side", "-f", folder / f"monitoring.coreos.com_{plural}.yaml")
        wait_established(command, f"{plural}.monitoring.coreos.com")
    return command


@pytest.mark.parametrize("values", COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_every_object_is_taken_and_every_pod_is_restricted(values, kubectl, api, namespace):
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("warn", "enforce")}
    client.CoreV1Api(api).patch_namespace(namespace, {"metadata": {"labels": labels}})
    run(helm(), "lint", "--strict", CHART, "--kube-version", "1.36.0", *settings(values))
    documents = [each for each in yaml.safe_load_all(rendered(namespace, values)) if each]
    # Of pods alone is a violation refused; of what makes pods it is only told.
    pods = [_pod_of(each) for each in documents if each["kind"] in ("Deployment", "Job", "Pod")]
    asked = [each for each in documents if each["kind"] not in ("CustomResourceDefinition", "Pod")]
    elsewhere = [each for each in asked if "namespace" in each["metadata"]]
    here = [each for each in asked if each not in elsewhere]
    taken = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
    run(*kubectl, "--namespace", namespace, *taken, text=yaml.safe_dump_all([*here, *pods]))
    if elsewhere:
        run(*kubectl, *taken, text=yaml.safe_dump_all(elsewhere))
    assert {each["metadata"]["namespace"] for each in elsewhere} == set(values.get("modelNamespaces", "")[1:-1].split())
    assert len(pods) >= 2


@pytest.mark.parametrize(("values", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_that_is_wrong_is_refused_by_name(values, named):
    with pytest.raises(CommandFailed, match=named):
        rendered("recipes", values)


def test_nothing_is_made_that_was_switched_off():
    kinds = {
        each["kind"] for each in yaml.safe_load_all(rendered("recipes", {"registry": "http://mlflow:5000"})) if each
    }
    assert not kinds & {"PersistentVolumeClaim", "NetworkPolicy", "ServiceMonitor", "PrometheusRule", "Job"}


def test_the_notes_say_what_is_missing(kubeconfig, kubectl, namespace):
    """This API server has KServe's kinds and the Gateway's, but no Gateway."""
    told = run(helm(), "--kubeconfig", kubeconfig, "install", "rr", CHART, "--namespace", namespace,
               "--dry-run=server", "--take-ownership", "--set", "sample.enabled=true")  # fmt: skip
    notes = told.partition("NOTES:")[2]
    missing = [line for line in notes.splitlines() if line.startswith("MISSING: ")]
    assert [line.split()[1:5] for line in missing] == [
        ["There", "is", "no", "Gateway"], ["No", "Prometheus", "is", "named:"], ["No", "volume", "for", "feedback"],
    ]  # fmt: skip
    assert f"kubectl recipes --namespace {namespace} watch" in notes


def test_the_manifest_to_install_is_what_the_chart_renders():
    assert INSTALL.read_text(encoding="utf-8") == install_manifest(), "make install-manifest"


def _pod_of(document):
    template = document if document["kind"] == "Pod" else document["spec"]["template"]
    # The account is made by the same apply, which a dry run does not really do.
    spec = {
        key: value for key, value in template["spec"].items() if key not in ("serviceAccountName", "priorityClassName")
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | {"name": document["metadata"]["name"]},
            "spec": spec | {"restartPolicy": "Never"}}  # fmt: skip
