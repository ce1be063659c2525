"""The life of versions in a cluster: the chart is installed, ModelVersions are applied, users ask all the while."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import httpx
import pytest

from mlops.artifact.manifest import read_manifest
from mlops.dashboards.__main__ import DASHBOARDS
from mlops.dashboards.promql import RECENT
from mlops.model_registry import open_registry
from mlops.registering import register_artifact
from tests.cluster.commands import CommandFailed, wait_until
from tests.e2e import registry
from tests.e2e.gitops import GitOps
from tests.e2e.life import CONTROLLER, HOST, MODEL, installed, version
from tests.e2e.load import Load
from tests.e2e.prometheus import running_prometheus
from tests.e2e.spoiling import spoilt

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def prometheus(world, tmp_path_factory):
    with running_prometheus(world.kube, tmp_path_factory.mktemp("prometheus") / "prometheus") as prometheus:
        yield prometheus


@pytest.fixture(scope="module")
def life(world, prometheus):
    registry.train(world.kube, world.images["jobs"], "1.1.0")
    with installed(world, world.volumes / "feedback", prometheus=prometheus.url) as life:
        world.kube.apply(MODEL, version("1.0.0"))
        yield life


@pytest.fixture
def user(life):
    with httpx.Client(base_url=life.world.gateway, headers={"host": HOST}, timeout=30) as client:
        yield client


def test_the_first_version_goes_to_production_by_itself(life):
    life.wait("1.0.0", "Production")

    assert life.weights() == {"recipes-1-0-0": 100}
    assert life.status("1.0.0")["evaluation"]["run"], "what was measured is a run in MLflow"


def test_a_better_version_is_rolled_out_step_by_step_and_nothing_fights(life):
    """No request is lost, while all manifests are applied again every few seconds."""
    life.wait("1.0.0", "Production")
    seen = []
    manifests = (MODEL, version("1.0.0"), version("1.1.0"))
    with (
        Load(
            life.world.gateway, HOST, per_second=20, queries=("lentil soup", "beef", "rice", "salad", "pollo")
        ) as load,
        GitOps(life.kube, *manifests) as gitops,
    ):
        load.wait_for(20)
        life.kube.apply(version("1.1.0"))

        def promoted() -> bool:
            weights = life.weights()
            if not seen or seen[-1] != weights:
                seen.append(weights)
            return life.stage("1.1.0") == "Production"

        wait_until(promoted, "1.1.0 in Production", seconds=300)
        load.wait_for(20)

    assert [each.get("recipes-1-1-0", 0) for each in seen] == [0, 20, 50, 100]
    assert set(load.answers) == {200}, load.failures[:3]
    assert set(load.versions) == {"1.0.0", "1.1.0"}
    assert gitops.applied > 3
    assert gitops.faults == []
    (replayed,) = life.status("1.1.0")["replay"]["results"]
    assert (replayed["verdict"], replayed["samples"]) == ("Passed", 5), "each query that was asked, of both versions"
    for manifest in manifests:
        stored = json.loads(life.kube("get", manifest["kind"], manifest["metadata"]["name"], "-o", "json",
                                      "--show-managed-fields"))  # fmt: skip
        owners = {
            (each["manager"], each.get("subresource", "")): each["fieldsV1"]
            for each in stored["metadata"]["managedFields"]
        }
        assert not any("f:spec" in fields for (manager, _), fields in owners.items() if manager != "kubectl"), owners
        assert stored["metadata"]["generation"] == 1, "nobody wrote a spec but whoever applied it, once"


def test_the_registry_is_answered_beside_the_predictors(life, user):
    life.wait("1.1.0", "Production")
    wait_until(lambda: user.get("/models/recipes/production").json().get("version") == "1.1.0", "the alias is moved")
    assert {each["version"] for each in user.get("/models").json()["models"]} == {"1.0.0", "1.1.0"}
    assert user.get("/models/nobody/production").status_code == 404


def test_a_browser_sees_the_page_of_a_predictor_and_the_rollout_of_the_controller(life, user):
    life.wait("1.1.0", "Production")
    browser = {"accept": "text/html"}
    page = user.get("/", headers=browser).text
    assert "data-from='/models/recipes/rollout'" in page
    assert "1.1.0" in user.post("/search", data={"query": "lentil soup"}, headers=browser).text
    rollout = user.get("/models/recipes/rollout").json()
    line = next(each for each in rollout["versions"] if each["version"] == "1.1.0")
    assert (line["stage"], line["weight"]) == ("Production", 100)
    assert {gate["phase"] for gate in line["gates"]} >= {"evaluation"}
    assert "step" not in line["progress"]
    assert "Gates of 1.1.0" in user.get("/models/recipes/rollout", headers=browser).text


def test_what_production_measured_in_its_bake_is_in_its_run(life, user):
    mlflow = f"http://{life.kube.address('mlflow')}:{registry.PORT}"
    with open_registry(mlflow, lambda: datetime(2026, 1, 1, tzinfo=UTC)) as opened:
        run = opened.get("recipes", "1.1.0").run_id

    def noted() -> bool:
        user.post("/recommend", json={"query": "rice"})  # a bake without users has no end
        found = httpx.get(f"{mlflow}/api/2.0/mlflow/runs/get", params={"run_id": run}, timeout=30).json()["run"]
        return "production.error-rate" in {each["key"] for each in found["data"]["metrics"]}

    wait_until(noted, "numbers of the bake", seconds=120)


def test_a_trace_that_a_caller_began_is_in_the_log_of_the_pod_that_answered(life, user):
    life.wait("1.1.0", "Production")
    trace = uuid.uuid4().hex
    user.post("/recommend", json={"query": "rice"}, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})

    def said() -> bool:
        return trace in life.kube("logs", "--selector", "mlops.recipe-recommender.io/purpose=serving", "--tail=50")

    wait_until(said, "the trace", seconds=20)


def test_a_pod_is_made_louder_while_it_runs(life):
    life.wait("1.1.0", "Production")
    leader = life.leader()

    def said(words: str) -> None:
        wait_until(lambda: words in life.kube("logs", leader, "--tail=50"), words, seconds=20)

    life.kube("exec", leader, "--", "sh", "-c", "kill -USR1 1")
    said('"retraining":"DEBUG"')
    life.kube("exec", leader, "--", "python", "-m", "mlops.log_levels", "1", "mlops=DEBUG")
    said('"levels":{"mlops":"DEBUG"}')
    life.kube("exec", leader, "--", "python", "-m", "mlops.log_levels", "1")
    said("loggers have their own levels")


def test_who_may_asks_whether_to_train_again(life, user):
    kube = life.kube
    kube("create", "serviceaccount", "trainer")
    kube("create", "serviceaccount", "visitor")
    kube("create", "role", "trainer", "--verb=retrain", "--resource=models.mlops.recipe-recommender.io")
    kube("create", "rolebinding", "trainer", "--role=trainer", f"--serviceaccount={kube.namespace}:trainer")

    def asks(who: str | None) -> httpx.Response:
        headers = {} if who is None else {"authorization": f"Bearer {kube('create', 'token', who).strip()}"}
        return user.post("/retrain/check", json={"model": "recipes"}, headers=headers)

    assert (asks(None).status_code, asks("visitor").status_code) == (401, 403)
    answer = asks("trainer").json()
    assert answer["retrain"] is False
    assert any(reason.startswith("interval:") for reason in answer["reasons"])


def test_feedback_is_kept_and_a_run_of_the_schedule_reads_it(life, user):
    life.wait("1.1.0", "Production")
    answer = user.post("/recommend", json={"query": "lentil soup", "k": 3}).json()
    told = {"recommendation_id": answer["recommendation_id"], "clicked": [answer["recipes"][0]["id"]]}
    assert user.post("/feedback", json=told).is_success
    assert list(life.feedback.rglob("feedback_*.jsonl")), "on the volume, in the folder of the pod that was told"

    life.kube("create", "job", "recipes-retraining-by-hand", "--from=cronjob/recipes-retraining")
    wait_until(lambda: _reasons(life, "NothingLearned"), "what came of it", seconds=180)
    assert "1 distinct queries with clicks < 50" in _reasons(life, "NothingLearned")[0]


def test_a_version_that_fails_its_users_is_taken_back_though_the_leader_dies(life, prometheus, tmp_path):
    life.wait("1.1.0", "Production")
    with open_registry(f"http://{life.kube.address('mlflow')}:{registry.PORT}", lambda: datetime.now(UTC)) as opened:  # noqa: TID251 - the real registry keeps the real time
        artifact = opened.download(opened.get("recipes", "1.1.0"), tmp_path / "artifact")
        bad = spoilt(artifact, "1.2.0", tmp_path / "bad", every=9)  # "apple pie" meets one, what warms a model does not
        register_artifact(opened, bad, read_manifest(bad), by="a test", why="spoilt")
    lenient = MODEL["spec"] | {"evaluation": {"gates": [], "replay": {"queries": 0}}}
    with Load(
        life.world.gateway, HOST, per_second=20, queries=("lentil soup", "apple pie", "rice", "beef", "salad")
    ) as load:
        life.kube.apply(MODEL | {"spec": lenient}, version("1.2.0"))
        wait_until(lambda: life.status("1.2.0").get("weight", 0) > 0, "users of 1.2.0", seconds=120)
        killed = life.leader()
        life.kube("delete", "pod", killed, "--grace-period=0", "--force")
        life.wait("1.2.0", "Archived", seconds=240)
        load.wait_for(20)

    assert life.leader() != killed
    status = life.status("1.2.0")
    assert status["reason"] == "AnalysisFailed"
    assert "error-rate" in status["message"]
    assert life.weights() == {"recipes-1-1-0": 100}
    assert life.stage("1.1.0") == "Production"
    assert _reasons(life, "AnalysisFailed")
    wait_until(lambda: prometheus.fires("RecipesRolledBack"), "somebody is told", seconds=30)


def test_what_somebody_breaks_is_mended(life, user):
    life.wait("1.1.0", "Production")
    kube = life.kube
    stranger = '[{"op": "replace", "path": "/spec/rules/0/backendRefs/0/name", "value": "mlflow"}]'
    kube("patch", "httproute", "recipes", "--type=json", "-p", stranger)
    wait_until(lambda: life.weights() == {"recipes-1-1-0": 100}, "the split is set anew")
    kube("delete", "httproute", "recipes")
    wait_until(lambda: "recipes" in {each["metadata"]["name"] for each in kube.list("httproutes")}, "the route is back")
    kube("delete", "inferenceservice", "recipes-1-1-0")
    wait_until(lambda: _serves(life), "the version is served again", seconds=120)
    wait_until(lambda: user.post("/recommend", json={"query": "rice"}).is_success, "users are answered", seconds=60)


def test_the_controller_tells_prometheus_what_it_does(life, prometheus):
    life.wait("1.1.0", "Production")
    wait_until(lambda: prometheus.value("sum(recipes_controller_leader)") == 1, "one that leads")
    wait_until(lambda: prometheus.value('recipes_version_weight{version="1.1.0"}') == 100, "the weight")
    assert prometheus.value('sum(recipes_controller_api_requests_total{status="403"})') in (None, 0)
    assert prometheus.value('sum(recipes_controller_reconcile_duration_seconds_count{outcome="broken"})') == 0


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_of_a_dashboard_has_something_to_show(life, prometheus, name):
    """After the life that the tests above led: a promotion, feedback, a version taken back."""
    asked = {
        f"{panel.title}, {legend}": query.replace("$namespace", life.kube.namespace).replace("$model", "recipes").replace(RECENT, "1m")
        for panels in DASHBOARDS[name].rows.values() for panel in panels for legend, query in panel.queries.items()
    }  # fmt: skip
    empty = [what for what, query in asked.items() if not prometheus.drawn(query, seconds=900)]
    assert empty == [what for what in asked if what == "Feedback, lost: {{reason}}"], "no feedback was lost"


# Server-side apply creates what is not there, and is written down as `patch`.
_BY_APPLY = {("inferenceservices", "create"), ("httproutes", "create"), ("cronjobs", "create")}
# Asked for by what does not happen here: a version without a Model, a job whose answer nobody waits for any more, a
# schedule that is given up.
_ELSEWHERE = {("models", "create"), ("jobs", "delete"), ("cronjobs", "delete"), ("modelversions", "create")}


def test_the_rights_are_those_that_are_used_and_none_was_missing(life, bed):
    kube = life.kube
    if bed.own is None:
        pytest.skip("this cluster's audit log is not ours to read")
    kube("delete", "modelversion,model", "--all", "--wait=true", "--timeout=120s")
    wait_until(lambda: not kube.list("inferenceservices", "mlops.recipe-recommender.io/model"), "nothing is left")
    who = f"system:serviceaccount:{kube.namespace}:rr-controller"
    asked = [
        line for line in map(json.loads, bed.own.audit_log.read_text().splitlines()) if line["user"]["username"] == who
    ]
    denied = [(each["verb"], each["requestURI"]) for each in asked if each["responseStatus"]["code"] == 403]
    used = {(_resource(each["objectRef"]), each["verb"]) for each in asked if "resource" in each.get("objectRef", {})}
    granted = {
        (resource, verb)
        for rule in kube.get("role", "rr-controller")["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert denied == []
    assert granted - used - _BY_APPLY - _ELSEWHERE == set()


def test_with_the_controller_gone_its_pods_end_at_once(life):
    """SIGTERM is heard: what is under way is finished, the Lease is given back."""
    kube = life.kube
    try:
        kube("delete", "pod", life.leader(), "--wait=true", "--timeout=25s")
    except CommandFailed as late:
        pytest.fail(f"it did not end within its grace: {late}")
    wait_until(lambda: life.leader() != "", "another leads", seconds=10)
    assert len(kube.list("pods", CONTROLLER)) >= 1


def _reasons(life, reason):
    """What Events of this reason say."""
    return [each["note"] for each in life.kube.list("events.events.k8s.io") if each["reason"] == reason]


def _serves(life):
    found = {each["metadata"]["name"] for each in life.kube.list("inferenceservices")}
    return "recipes-1-1-0" in found and life.kube.condition("inferenceservice", "recipes-1-1-0", "Ready") == "True"


def _resource(reference):
    sub = reference.get("subresource")
    return f"{reference['resource']}/{sub}" if sub else reference["resource"]
