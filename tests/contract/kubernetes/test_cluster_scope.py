"""One controller for all namespaces: the real process over a real API server, with the rights that the chart gives it."""

from __future__ import annotations

import json
from contextlib import ExitStack

import httpx
import pytest
import yaml
from kubernetes import client

from controller.cluster.api import KubeApi
from controller.cluster.kinds import (
    APPROVALS,
    INFERENCE_SERVICES,
    JOB_NAME,
    JOBS,
    LEASES,
    MODEL,
    MODELS,
    PODS,
    ROUTES,
    VERSIONS,
)
from mlops.errors import Permanent
from tests.cluster.chart import CHART, helm, rendered
from tests.cluster.commands import CommandFailed, run, wait_until
from tests.cluster.controller_process import controller_process, make_kinds
from tests.cluster.toolchain import toolset

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

API = "mlops.recipe-recommender.io/v1alpha1"
NAME, VERIFY = "recipes-1-0-0", "recipes-1-0-0-verify-1"
EVALUATE = "recipes-1-0-0-eval-1"
DIGEST = f"sha256:{'a' * 64}"
RIGHTS = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
POLICIES = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


class Towns:
    """A release in one namespace, and two others that its controller keeps."""

    def __init__(self, kubeconfig, api, home, folder):
        self.kubectl = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
        self.folder, self.home = folder, home
        self.core = client.CoreV1Api(api)
        self.names = [f"{home}-a", f"{home}-b"]
        self.a, self.b = (KubeApi(name, api) for name in self.names)
        documents = [each for each in yaml.safe_load_all(rendered(home, {"controller.scope": "cluster"})) if each]
        self.rights = [each for each in documents if each["kind"] in RIGHTS]
        self.policies = [each for each in documents if each["kind"] in POLICIES]
        self.deployments = [each for each in documents if each["kind"] == "Deployment"]
        self.kubeconfig = folder / "account.yaml"

    def open(self):
        make_kinds(self.kubectl[-1])
        for name in self.names:
            self.core.create_namespace({"metadata": {"name": name}})
        self.apply(self.rights)
        self.kubeconfig.write_text(run(*self.kubectl, "config", "view", "--raw", "--minify"))
        token = run(*self.kubectl, "--namespace", self.home, "create", "token", "rr-controller").strip()
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def apply(self, documents):
        run(
            *self.kubectl,
            "--namespace",
            self.home,
            "apply",
            "--server-side",
            "-f",
            "-",
            text=yaml.safe_dump_all(documents),
        )

    def close(self):
        for town in (self.a, self.b):
            for kind in (VERSIONS, MODELS):
                for each in town.list(kind):
                    town.merge(kind, each["metadata"]["name"], {"metadata": {"finalizers": None}})
        run(*self.kubectl, "delete", "namespace", *self.names, "--wait=false", "--ignore-not-found")
        run(*self.kubectl, "--namespace", self.home, "delete", "-f", "-", "--ignore-not-found",
            text=yaml.safe_dump_all([*self.rights, *self.policies]))  # fmt: skip

    def controller(self):
        """As the Deployment of the chart has it, with the account's rights and no others."""
        return controller_process(
            self.kubeconfig, self.home, self.folder, scope="cluster", lease="rr-controller",
            hostname="{model}.{namespace}.example",
        )  # fmt: skip


@pytest.fixture
def towns(kubeconfig, api, namespace, tmp_path):
    towns = Towns(kubeconfig, api, namespace, tmp_path)
    with ExitStack() as stack:
        stack.callback(towns.close)
        towns.open()
        yield towns


def version():
    return {"apiVersion": API, "kind": "ModelVersion", "metadata": {"name": NAME},
            "spec": {"model": "recipes", "version": "1.0.0"}}  # fmt: skip


def model():
    evaluation = {"gates": [{"metric": "ndcg@10", "threshold": "0.3"}], "replay": {"queries": 0}}
    return {"apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"}, "spec": {"evaluation": evaluation}}


def status(town):
    return (town.get(VERSIONS, NAME) or {}).get("status", {})


def finish(town, name, **answer):
    """A pod ran, and its Job came to its end."""
    wait_until(lambda: "startTime" in (town.get(JOBS, name) or {}).get("status", {}), "it has begun", seconds=60)
    pod = town.create(PODS, {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{name}-x", "labels": {JOB_NAME: name, MODEL: "recipes"}},
        "spec": {"containers": [{"name": "job", "image": "jobs:1"}]},
    })  # fmt: skip
    ended = {"exitCode": 0, "finishedAt": "2026-07-01T00:00:09Z", "message": json.dumps(answer)}
    town.replace_status(PODS, pod | {"status": {"containerStatuses": [
        {"name": "job", "image": "jobs:1", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}},
    ]}})  # fmt: skip
    job = town.get(JOBS, name)
    done = {
        "type": "Complete",
        "status": "True",
        "lastTransitionTime": "2026-07-01T00:00:10Z",
        "reason": "done",
        "message": "",
    }
    ending = {"conditions": [done | {"type": "SuccessCriteriaMet"}, done], "completionTime": job["status"]["startTime"],
              "active": 0, "succeeded": 1, "uncountedTerminatedPods": {}}  # fmt: skip
    town.replace_status(JOBS, job | {"status": job["status"] | ending})


def test_models_of_one_name_in_two_namespaces_go_their_own_ways(towns):
    with towns.controller() as controller:
        wait_until(lambda: controller.leads, "it leads")
        for town in (towns.a, towns.b):
            town.create(MODELS, model())
            town.create(VERSIONS, version())
            wait_until(lambda town=town: town.get(JOBS, VERIFY), "its artefact is verified", seconds=60)
            (job,) = town.get(JOBS, VERIFY)["spec"]["template"]["spec"]["containers"]
            assert {"name": "RECIPES_MODEL", "value": f"{town.namespace}.recipes"} in job["env"]

        finish(towns.a, VERIFY, state="Verified", digest=DIGEST)
        wait_until(lambda: towns.a.get(JOBS, EVALUATE), "it is judged", seconds=60)
        finish(towns.a, EVALUATE, digest=DIGEST, run="r1",
               samples=[{"metric": "ndcg@10", "value": "0.9", "samples": 500}])  # fmt: skip
        wait_until(lambda: status(towns.a).get("stage") == "Staging", "it goes on", seconds=60)
        wait_until(lambda: towns.a.get(INFERENCE_SERVICES, NAME), "it is served", seconds=60)
        service = towns.a.get(INFERENCE_SERVICES, NAME)["spec"]["predictor"]
        assert f"--model-name={towns.a.namespace}.recipes" in service["containers"][0]["args"]
        assert "serviceAccountName" not in service, "what is in another namespace needs no account there"
        assert (status(towns.b)["stage"], towns.b.list(INFERENCE_SERVICES)) == ("Training", [])

        for town, stage in ((towns.a, "Staging"), (towns.b, "Training")):
            whose = f'model="{town.namespace}.recipes",namespace="{town.namespace}"'
            line = f'recipes_version_stage{{{whose},stage="{stage}",version="1.0.0"}}'
            wait_until(lambda line=line: controller.metric(line) == 1.0, line)
            found = httpx.get(f"{controller.url}/models/{town.namespace}.recipes/rollout").json()
            assert [each["stage"] for each in found["versions"]] == [stage]
        told = httpx.get(f"{controller.url}/models/recipes/rollout")
        assert (told.status_code, "NAMESPACE.NAME" in told.json()["detail"]) == (404, True)

        towns.a.delete(VERSIONS, NAME)
        towns.a.delete(MODELS, "recipes")
        wait_until(lambda: not towns.a.list(VERSIONS) and not towns.a.list(MODELS), "one is gone", seconds=60)
        assert towns.b.get(VERSIONS, NAME)["metadata"]["uid"]
        assert towns.b.get(JOBS, VERIFY)
        assert not towns.a.list(ROUTES)

        assert {lease["metadata"]["name"] for lease in towns.a.within(towns.home).list(LEASES)} == {"rr-controller"}
        refused = [line for line in httpx.get(f"{controller.url}/metrics").text.splitlines()
                   if line.startswith("recipes_controller_api_requests_total") and 'status="403"' in line]  # fmt: skip
        assert refused == [], controller.log.read_text()[-2000:]


def test_a_namespace_that_is_deleted_with_its_models_goes(towns):
    with towns.controller() as controller:
        wait_until(lambda: controller.leads, "it leads")
        for town in (towns.a, towns.b):
            town.create(VERSIONS, version())
            wait_until(lambda town=town: town.get(JOBS, VERIFY), "it is taken up", seconds=60)
        towns.core.delete_namespace(towns.a.namespace)
        wait_until(
            lambda: towns.a.namespace not in {each.metadata.name for each in towns.core.list_namespace().items},
            "it is gone", seconds=120,
        )  # fmt: skip
        assert "stage" in status(towns.b)


def test_nobody_approves_in_anothers_name_in_any_namespace(towns):
    towns.apply(towns.policies)
    approval = {"apiVersion": API, "kind": "ModelApproval", "metadata": {"name": "mine"}, "spec": {
        "model": "recipes", "version": "1.0.0", "decision": "Approve", "approver": "somebody-else",
        "digest": DIGEST, "resultsHash": DIGEST,
    }}  # fmt: skip

    def refused():
        try:
            towns.b.create(APPROVALS, approval)
        except Permanent as fault:
            return "somebody-else, but you are" in fault.message
        towns.b.delete(APPROVALS, "mine")
        return False

    wait_until(refused, "the policy holds", seconds=60)


def test_helm_installs_no_second_controller_over_the_same_models(towns):
    def install(namespace, scope):
        return run(helm(), "--kubeconfig", towns.kubectl[-1], "install", "two", CHART, "--namespace", namespace,
                   "--dry-run=server", "--set", f"crds.install=false,controller.scope={scope}")  # fmt: skip

    with pytest.raises(CommandFailed, match="keeps the Models of every namespace"):
        install(towns.a.namespace, "namespace")
    towns.apply(towns.deployments)
    with pytest.raises(CommandFailed, match=f"release rr in namespace {towns.home} keeps the Models there"):
        install(towns.a.namespace, "cluster")


def test_of_secrets_it_knows_nothing(towns):
    account = f"system:serviceaccount:{towns.home}:rr-controller"
    for verb, what in (("get", "secrets"), ("create", "pods"), ("create", "rolebindings"), ("get", "pods/log")):
        with pytest.raises(CommandFailed, match=r"exit 1\nno"):
            run(*towns.kubectl, "--namespace", towns.a.namespace, "auth", "can-i", verb, what, "--as", account)
