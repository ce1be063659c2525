"""Retraining in a cluster: the CronJob that production owns, its runs, and the version that one of them makes."""

from __future__ import annotations

import json

import pytest

from controller.actions import EnsureRetraining, StartRetraining, from_dict
from controller.cluster.check_rounds import CheckRounds
from controller.cluster.job_reading import JobReader
from controller.cluster.key import Key
from controller.cluster.kinds import ASK, CRON_JOBS, JOB_NAME, JOBS, MODEL, MODELS, PODS, PURPOSE, VERSIONS
from controller.cluster.retrain_due import is_due, note_due
from controller.cluster.retraining import cron_job, drift_cron_job, retraining_job, run_fact, schedule_fact
from controller.observation import JobState, ScheduleFact
from controller.resource.meta import Meta
from controller.resource.version import Trigger
from mlops.errors import Transient
from mlops.retraining import DriftSeen
from tests.builders.cluster_in_memory import DIGEST, NAME, Cluster
from tests.builders.surroundings import SETTINGS

OWNER = Meta(name="recipes", uid="u1")
ENSURE = EnsureRetraining(
    name="recipes-retraining", schedule="0 3 * * 1", time_zone="Europe/Madrid", suspended=False, parent="1.0.0"
)
START = StartRetraining(name="recipes-retrain-1", parent="1.0.0", trigger=Trigger.NEW_DATA, reason="there is new data")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CANDIDATE = {
    "version": "1.0.1", "source": {"digest": DIGEST},
    "lineage": {"trigger": "Scheduled", "parent": "1.0.0", "job": "recipes-retraining-1", "run": "r1", "trace": TRACE},
}  # fmt: skip


def test_the_schedule_is_read_back_as_it_was_written():
    assert schedule_fact(cron_job(ENSURE, OWNER, SETTINGS)) == ScheduleFact(
        schedule="0 3 * * 1", time_zone="Europe/Madrid", suspended=False, parent="1.0.0"
    )
    assert schedule_fact(None) is None


def test_two_runs_are_never_under_way_at_once_and_few_are_kept():
    spec = cron_job(ENSURE, OWNER, SETTINGS)["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"], spec["timeZone"]) == ("Forbid", False, "Europe/Madrid")
    assert spec["successfulJobsHistoryLimit"] == spec["failedJobsHistoryLimit"] == 3


@pytest.mark.parametrize("pod", [
    cron_job(ENSURE, OWNER, SETTINGS)["spec"]["jobTemplate"]["spec"]["template"],
    retraining_job(START, OWNER, SETTINGS)["spec"]["template"],
], ids=["scheduled", "started"])  # fmt: skip
def test_a_run_knows_its_own_name_and_what_to_do(pod):
    (container,) = pod["spec"]["containers"]
    env = {each["name"]: each for each in container["env"]}
    asked = from_dict(json.loads(env["RECIPES_ASK"]["value"]))

    assert (asked.parent, type(asked)) == ("1.0.0", StartRetraining)
    assert "job-name" in env["RECIPES_JOB_NAME"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert pod["metadata"]["labels"][MODEL] == "recipes"
    assert not pod["spec"]["automountServiceAccountToken"]


def test_feedback_is_mounted_where_a_claim_holds_it():
    settings = SETTINGS.model_copy(update={"feedback_claim": "feedback"})
    pod = retraining_job(START, OWNER, settings)["spec"]["template"]["spec"]
    assert {"name": "feedback", "persistentVolumeClaim": {"claimName": "feedback"}} in pod["volumes"]
    assert {"name": "RECIPES_FEEDBACK", "value": "/var/feedback"} in pod["containers"][0]["env"]


def ended(how):
    job = retraining_job(START, OWNER, SETTINGS)
    job["metadata"]["creationTimestamp"] = "2026-07-01T00:00:00Z"
    if how:
        job["status"] = {"conditions": [{"type": how, "status": "True", "reason": "Because", "message": "so"}]}
    return job


RUNS = {
    "running": (None, "", JobState.RUNNING, None, ""),
    "a candidate": ("Complete", json.dumps({"candidate": CANDIDATE}), JobState.SUCCEEDED, "1.0.1", ""),
    "nothing new": ("Complete", json.dumps({"message": "nothing new: 3 queries"}), JobState.SUCCEEDED, None, "nothing new: 3 queries"),
    "failed": ("Failed", "", JobState.FAILED, None, "Because: so"),
    "ended with noise": ("Complete", "Killed", JobState.FAILED, None, "Killed"),
    "ended with a candidate that is none": ("Complete", json.dumps({"candidate": {"version": "x"}}), JobState.FAILED, None, '{"candidate": {"version": "x"}}'),
}  # fmt: skip


@pytest.mark.parametrize(("how", "said", "state", "version", "message"), RUNS.values(), ids=RUNS.keys())
def test_a_run(how, said, state, version, message):
    fact = run_fact(ended(how), said)
    assert (fact.state, fact.candidate and fact.candidate.version, fact.message) == (state, version, message)
    assert fact.ended == (state is not JobState.RUNNING)


def test_what_was_asked_of_a_run_is_on_it():
    assert from_dict(json.loads(ended(None)["metadata"]["annotations"][ASK])) == START


@pytest.fixture
def cluster():
    """One whose first version is in production, with retraining every night."""
    cluster = Cluster()
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    cluster.settle()
    cluster.api.merge(MODELS, "recipes", {"spec": {"retraining": {"schedule": "0 3 * * *"}}})
    cluster.work()
    assert cluster.stage == "Production"
    return cluster


def test_production_owns_the_schedule_and_an_edit_by_hand_is_undone(cluster):
    (kept,) = cluster.api.list(CRON_JOBS)
    assert (kept["spec"]["schedule"], kept["spec"]["suspend"]) == ("0 3 * * *", False)
    cluster.api.merge(CRON_JOBS, kept["metadata"]["name"], {"spec": {"schedule": "* * * * *"}})
    cluster.settle()
    assert cluster.api.list(CRON_JOBS)[0]["spec"]["schedule"] == "0 3 * * *"


def test_a_paused_model_is_not_trained(cluster):
    cluster.api.merge(MODELS, "recipes", {"spec": {"paused": True}})
    cluster.settle()
    assert cluster.api.list(CRON_JOBS)[0]["spec"]["suspend"] is True


def test_no_retraining_no_schedule(cluster):
    cluster.api.merge(MODELS, "recipes", {"spec": {"retraining": None}})
    cluster.settle()
    assert cluster.api.list(CRON_JOBS) == []


def test_a_run_of_the_schedule_that_learned_something_becomes_a_version_with_lineage_once(cluster):
    template = cluster.api.list(CRON_JOBS)[0]["spec"]["jobTemplate"]
    cluster.api.create(
        JOBS, {"metadata": {"name": "recipes-retraining-1", **template["metadata"]}, "spec": template["spec"]}
    )
    cluster.settle()
    cluster.finish("recipes-retraining-1", candidate=CANDIDATE)
    for _ in range(3):
        cluster.settle()

    made = cluster.api.get(VERSIONS, "recipes-1-0-1")
    assert (made["spec"]["lineage"]["parent"], made["spec"]["lineage"]["trace"]) == ("1.0.0", TRACE)
    assert made["spec"]["source"]["digest"] == DIGEST
    assert {each["spec"]["version"] for each in cluster.api.list(VERSIONS)} == {"1.0.0", "1.0.1"}
    assert cluster.stage == "Production", NAME


def test_a_check_that_says_yes_starts_a_run_where_the_model_asks_for_it(cluster):
    note_due(cluster.api, "recipes", due=True)
    cluster.settle()
    assert cluster.api.get(JOBS, "recipes-retrain-1") is None, "no trigger is set"
    cluster.api.merge(MODELS, "recipes", {"spec": {"retraining": {"triggers": {"newData": True}}}})
    cluster.settle()
    assert cluster.api.get(JOBS, "recipes-retrain-1") is not None
    assert not is_due(cluster.api.get(MODELS, "recipes"))


def test_what_was_found_is_known_to_every_replica_until_it_is_used_or_found_otherwise(cluster):
    note_due(cluster.api, "recipes", due=True)
    cluster.restart()
    assert is_due(cluster.api.get(MODELS, "recipes"))
    changes = cluster.api.changes
    note_due(cluster.api, "recipes", due=True)
    assert cluster.api.changes == changes, "it is so already"
    note_due(cluster.api, "recipes", due=False)
    assert not is_due(cluster.api.get(MODELS, "recipes"))
    note_due(cluster.api, "nobody", due=True)


WITH_FEEDBACK = SETTINGS.model_copy(update={"feedback_claim": "feedback"})


def test_what_users_ask_is_compared_each_day_by_a_pod_that_sees_it():
    cron = drift_cron_job(ENSURE, OWNER, WITH_FEEDBACK)
    assert (cron["metadata"]["name"], cron["spec"]["concurrencyPolicy"]) == ("recipes-retraining-drift", "Forbid")
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["python", "-m", "mlops.pod_drift"]
    assert {each["name"] for each in container["env"]} >= {"RECIPES_MODEL", "RECIPES_MLFLOW_URI", "RECIPES_FEEDBACK"}
    assert "RECIPES_ASK" not in {each["name"] for each in container["env"]}
    assert "persistentVolumeClaim" in pod["volumes"][1]


ANSWER = {"drift": {"version": "1.0.0", "windows": [False, True, True], "lasting": ["words"], "told": "words: 0.2"}}


def drift_job(cluster, name, at, answer, end="Complete"):
    """A Job of the CronJob as the cluster keeps it, with the last words of its pod."""
    labels = {MODEL: NAME, PURPOSE: "drift"}
    api = cluster.api
    api.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "spec": {},
                      "metadata": {"name": name, "labels": labels},
                      "status": {"conditions": [{"type": end, "status": "True"}]}})  # fmt: skip
    state = {"terminated": {"finishedAt": at, "message": json.dumps(answer)}}
    api.create(PODS, {"apiVersion": "v1", "kind": "Pod", "spec": {},
                      "metadata": {"name": f"{name}-x", "labels": {**labels, JOB_NAME: name}},
                      "status": {"containerStatuses": [{"state": state}]}})  # fmt: skip


@pytest.mark.parametrize(("version", "answer", "end", "found"), [
    ("1.0.0", ANSWER, "Complete", DriftSeen(windows=(False, True, True), lasting=("words",), told="words: 0.2")),
    ("1.1.0", ANSWER, "Complete", None),
    ("1.0.0", {"error": "MLflow does not answer"}, "Failed", None),
], ids=["what it came to", "of another version", "it failed"])  # fmt: skip
def test_a_comparison_is_read_back_for_the_version_that_it_is_about(version, answer, end, found):
    cluster = Cluster()
    drift_job(cluster, "recipes-retraining-drift-1", "2026-07-01T04:23:00Z", answer, end)
    assert JobReader(cluster.api, NAME).drift(version) == found
    assert JobReader(cluster.api, NAME).read().runs == ()


def test_models_that_want_to_know_of_new_data_are_checked_and_no_other():
    cluster = Cluster()
    for name, triggers in (("asks", {"newData": True}), ("waits", {"newData": False})):
        cluster.api.create(MODELS, {"apiVersion": "x/v1", "kind": "Model", "metadata": {"name": name},
                                    "spec": {"retraining": {"triggers": triggers}}})  # fmt: skip
    checked = []

    def check(model):
        checked.append(model)
        raise Transient("MLflow does not answer")

    CheckRounds(lambda: cluster.api.list(MODELS), check).once()
    assert checked == [Key("shop", "asks")]
