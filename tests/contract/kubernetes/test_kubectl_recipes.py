"""`kubectl recipes` as people type it, against a real API server, as the administrator and as who may only look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from structlog.testing import capture_logs

from controller.cluster.api import KubeApi
from controller.cluster.kinds import APPROVALS, EVENTS, MODELS, PODS, VERSIONS
from controller.cluster.telling import REPORTER
from tests.builders.stored_cluster import store
from tests.cluster.chart import rendered
from tests.cluster.controller_process import make_kinds
from tests.cluster.toolchain import NotBuilt, toolset
from tests.clusterworld.cluster_world import START, ClusterWorld
from tests.scenarios.steps import has_weight, in_production, push
from tests.scenarios.steps import model as quick_model
from tests.toyworld.toy_world import ToyWorld

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]
API = "mlops.recipe-recommender.io/v1alpha1"
GATES = [{"metric": "ndcg@10", "threshold": "0.3"}]


def model(**spec):
    return {"apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"}, "spec": spec}


def version(number, **spec):
    return {"apiVersion": API, "kind": "ModelVersion", "spec": {"model": "recipes", "version": number, **spec}}


def rolling_out() -> ToyWorld:
    """1.0.0 is in production, 1.1.0 at the first step of its canary."""
    world = ToyWorld()
    world.apply(model(evaluation={"gates": GATES}))
    world.apply(version("1.0.0"))
    world.advance(60)
    world.apply(version("1.1.0"))
    for _ in range(60):
        if world.platform.traffic.get("1.1.0"):
            return world
        world.advance(1)
    raise AssertionError(world.versions["1.1.0"].status)


def waiting_for_a_person() -> ToyWorld:
    world = ToyWorld()
    world.apply(model(evaluation={"gates": GATES}, approval={"policy": "Manual"}))
    world.apply(version("1.0.0", requestedBy="somebody-else"))
    world.advance(10)
    return world


class Namespace:
    """A namespace, and the command with this kubeconfig."""

    def __init__(self, api, name, kubeconfig):
        self.kube = KubeApi(name, api)
        self.kubeconfig = str(kubeconfig)

    def __call__(self, *words, code=0, as_=None):
        tools = Path(toolset("kubernetes").program("kubectl")).parent
        path = os.pathsep.join([str(Path(sys.executable).parent), str(tools), os.environ["PATH"]])
        done = subprocess.run(
            ["kubectl", "recipes", *words, "-n", self.kube.namespace],
            env=os.environ | {"PATH": path, "KUBECONFIG": as_ or self.kubeconfig, "COLUMNS": "200"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *words):
        return json.loads(self(*words, "--json"))


@pytest.fixture
def recipes(kubeconfig, api, namespace):
    make_kinds(kubeconfig)
    return Namespace(api, namespace, kubeconfig)


def test_status_shows_the_model_its_versions_and_who_is_answered(recipes):
    store(rolling_out(), recipes.kube)
    shown = recipes("status")
    assert "production 1.0.0, canary 1.1.0" in shown
    assert "traffic: 1.0.0 90%, 1.1.0 10%" in shown
    assert "1.1.0  Staging" in shown
    assert "HTTPRoute recipes: recipes.example, no Gateway has taken it up" in shown
    assert "Nothing moves before the controller runs." in shown
    found = recipes.json("status")
    assert found["traffic"] == {"1.0.0": 90, "1.1.0": 10}
    assert [each["kind"] for each in found["children"]] == ["HTTPRoute"]


def test_a_controller_that_runs_is_seen(recipes):
    store(rolling_out(), recipes.kube)
    labels = {"app.kubernetes.io/name": "recipe-recommender", "app.kubernetes.io/component": "controller"}
    made = recipes.kube.create(PODS, {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "rr", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "none:1"}]},
    })  # fmt: skip
    assert recipes.json("watch", "--once")["model"]["running"] is False
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    recipes.kube.replace_status(PODS, made | {"status": ready})
    assert recipes.json("watch", "--once")["model"]["running"] is True


def test_what_people_were_told_is_shown(recipes):
    store(rolling_out(), recipes.kube)
    recipes.kube.create(EVENTS, {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e1"}, "type": "Warning",
        "eventTime": "2026-03-01T09:00:00.000000Z", "reportingController": REPORTER, "reportingInstance": "x",
        "reason": "GateFailed", "action": "Decide", "note": "errors 0.5 > 0.02",
        "regarding": {"apiVersion": API, "kind": "ModelVersion", "name": "recipes-1-1-0",
                      "namespace": recipes.kube.namespace},
    })  # fmt: skip
    (notice,) = recipes.json("describe", "1.1.0")["notices"]
    assert (notice["reason"], notice["message"]) == ("GateFailed", "errors 0.5 > 0.02")
    assert recipes.json("describe", "1.0.0")["notices"] == []


def test_aborting_pausing_pinning_and_rolling_back_write_what_the_controller_reads(recipes):
    store(rolling_out(), recipes.kube)
    kube = recipes.kube
    assert "1.0.0 answers everybody again" in recipes("abort", "1.1.0")
    assert kube.get(VERSIONS, "recipes-1-1-0")["spec"]["intent"] == "Abort"
    recipes("resume", "1.1.0")
    assert kube.get(VERSIONS, "recipes-1-1-0")["spec"]["intent"] == "Promote"
    recipes("pause")
    assert kube.get(MODELS, "recipes")["spec"]["paused"] is True
    recipes("resume")
    recipes("pin", "1.0.0")
    assert kube.get(MODELS, "recipes")["spec"]["pinnedVersion"] == "1.0.0"
    recipes("unpin")
    assert not {"paused", "pinnedVersion"} & kube.get(MODELS, "recipes")["spec"].keys() - {"paused"}
    recipes("rollback")
    assert kube.get(VERSIONS, "recipes-1-1-0")["spec"]["intent"] == "Abort"
    managers = {each["manager"] for each in kube.get(VERSIONS, "recipes-1-1-0")["metadata"]["managedFields"]}
    assert "kubectl-recipes" in managers


def test_an_approval_names_the_bytes_and_results_and_its_caller(recipes):
    store(waiting_for_a_person(), recipes.kube)
    assert "kubectl recipes approve" in recipes("explain", "1.0.0")
    recipes("approve", "1.0.0", "--reason", "looked at it")
    (given,) = recipes.kube.list(APPROVALS)
    status = recipes.kube.get(VERSIONS, "recipes-1-0-0")["status"]
    assert given["spec"]["approver"] == "kubernetes-super-admin"
    assert (given["spec"]["digest"], given["spec"]["resultsHash"]) == (
        status["artifact"]["digest"], status["resultsHash"],
    )  # fmt: skip
    assert "there is nothing to decide" in recipes("approve", "1.0.0", code=4)


def test_an_approval_in_another_name_does_not_count(recipes):
    """Without the chart's admission policy nothing stops it from being written; the answer does not pretend."""
    store(waiting_for_a_person(), recipes.kube)
    refused = recipes("approve", "1.0.0", "--by", "somebody-else", code=1)
    assert "does not count" in refused


def test_faults_say_what_to_do_in_the_words_of_this_command(recipes):
    assert "there is no Model in namespace" in recipes("status", code=3)
    store(rolling_out(), recipes.kube)
    assert "kubectl recipes get" in recipes("explain", "9.9.9", code=3)
    assert "no context nowhere" in recipes("status", "--context", "nowhere", code=6)
    other = model() | {"metadata": {"name": "soups"}}
    recipes.kube.create(MODELS, other)
    assert "the Models recipes, soups" in recipes("get", code=6)
    assert "recipes-1-1-0" in recipes("get", "--model", "recipes")


def test_a_version_is_explained_as_it_was_decided_from_a_log(recipes, tmp_path):
    store(rolling_out(), recipes.kube)
    log, began = tmp_path / "controller.log", START
    log.write_text("\n".join(["a line of something else", *log_of_a_canary(recipes.kube.namespace)]), encoding="utf-8")
    shown = recipes("explain", "1.1.0", "--at", (began + timedelta(days=1)).isoformat(), "--log", str(log))

    assert "recipes 1.1.0 is in Staging" in shown
    assert "Canary step 1 of 2, weight 10 %" in shown
    early = recipes("explain", "1.1.0", "--at", (began - timedelta(days=1)).isoformat(), "--log", str(log), code=3)
    assert "the record begins at 2026-03-01T09:" in early
    assert "--log" in recipes("explain", "1.1.0", "--at", "2026-03-01", code=3), (
        "no controller runs, so there is no log"
    )
    assert "write it as" in recipes("explain", "1.1.0", "--at", "yesterday", code=6)
    assert "cannot be read" in recipes("replay", "1.1.0", "--log", str(tmp_path / "none"), code=3)


def log_of_a_canary(namespace) -> list[str]:
    world = ClusterWorld()
    with capture_logs() as said:
        for step in (quick_model(), in_production("1.0.0"), push("1.1.0"), has_weight("1.1.0", 10)):
            step(world)
    return [json.dumps(each | {"namespace": namespace}, default=str) for each in said]


def test_manifests_are_applied_as_kubectl_would_and_all_read_first(recipes, tmp_path):
    file = tmp_path / "both.yaml"
    file.write_text(yaml.safe_dump_all([model(approval={"policy": "Manual"}), version("1.0.0")]))
    assert "modelversion/recipes-1-0-0 created" in recipes("apply", "-f", str(file))
    assert "modelversion/recipes-1-0-0 unchanged" in recipes("apply", "-f", str(file))
    file.write_text(yaml.safe_dump_all([version("2.0.0"), model(approval={"policy": "Perhaps"})]))
    assert "spec.approval.policy" in recipes("apply", "-f", str(file), code=6)
    assert recipes.kube.get(VERSIONS, "recipes-2-0-0") is None


def test_a_model_goes_with_all_its_versions(recipes):
    store(rolling_out(), recipes.kube)
    assert "give a version, or --all" in recipes("delete", code=2)
    assert "its 2 versions leave, and nobody is answered then" in recipes("delete", "--all")
    left = [*recipes.kube.list(MODELS), *recipes.kube.list(VERSIONS)]
    assert all("deletionTimestamp" in each["metadata"] for each in left), "what no finalizer holds is gone at once"


def test_waiting_ends_with_the_stage_with_another_end_or_with_the_time(recipes):
    store(rolling_out(), recipes.kube)
    assert "1.0.0 is in Production" in recipes("wait", "1.0.0")
    assert "not in Production after 1 s: it is in Staging" in recipes("wait", "1.1.0", "--timeout", "1", code=5)


@pytest.mark.parametrize("role", ["view", "edit", "approve"])
def test_each_role_of_the_chart_sees_all_that_there_is(recipes, person, role):
    store(rolling_out(), recipes.kube)
    shown = recipes("status", as_=person(role))
    assert "production 1.0.0" in shown
    assert "forbidden" not in shown


def test_who_may_look_is_told_what_is_lacking(recipes, person):
    store(rolling_out(), recipes.kube)
    refused = recipes("abort", "1.1.0", code=6, as_=person("view"))
    assert "cannot patch resource" in refused
    assert "ask for one of the roles" in refused
    assert recipes.kube.get(VERSIONS, "recipes-1-1-0")["spec"].get("intent", "Promote") == "Promote"


def test_who_may_approve_approves_and_does_no_more(recipes, person):
    store(waiting_for_a_person(), recipes.kube)
    approver = person("approve")
    assert "1.0.0 approved by" in recipes("approve", "1.0.0", as_=approver)
    (given,) = recipes.kube.list(APPROVALS)
    assert given["spec"]["approver"] == f"system:serviceaccount:{recipes.kube.namespace}:approve"
    assert "cannot patch resource" in recipes("abort", "1.0.0", code=6, as_=approver)


def test_who_may_edit_aborts_and_does_not_approve(recipes, person):
    store(waiting_for_a_person(), recipes.kube)
    editor = person("edit")
    assert 'cannot create resource "modelapprovals"' in recipes("approve", "1.0.0", code=6, as_=editor)
    assert recipes.kube.list(APPROVALS) == []
    recipes("abort", "1.0.0", as_=editor)
    assert recipes.kube.get(VERSIONS, "recipes-1-0-0")["spec"]["intent"] == "Abort"


@pytest.fixture
def person(api, recipes, tmp_path):
    """Makes the kubeconfig of an account that is bound to one of the chart's roles and to nothing else."""
    namespace = recipes.kube.namespace
    core, roles = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    made = []

    def bound_to(role: str) -> str:
        rules = _rules(namespace, role)
        made.append(roles.create_cluster_role({"metadata": {"name": f"{namespace}-{role}"}, "rules": rules}))
        core.create_namespaced_service_account(namespace, {"metadata": {"name": role}})
        roles.create_namespaced_role_binding(namespace, {
            "metadata": {"name": role},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{namespace}-{role}",
            },
            "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": namespace}],
        })  # fmt: skip
        token = core.create_namespaced_service_account_token(role, namespace, {"spec": {}}).status.token
        config = yaml.safe_load(Path(recipes.kubeconfig).read_text())
        config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": {"token": token}}]
        path = tmp_path / f"{role}.conf"
        path.write_text(yaml.safe_dump(config))
        return str(path)

    yield bound_to
    for each in made:
        roles.delete_cluster_role(each.metadata.name)


def _rules(namespace, role):
    """What the chart's role allows."""
    try:
        shown = rendered(namespace, {}, "--show-only", "templates/roles.yaml")
    except NotBuilt as absent:
        pytest.skip(str(absent))
    found = {each["metadata"]["name"]: each["rules"] for each in yaml.safe_load_all(shown)}
    return found[f"{namespace}-rr-{role}"]
