"""Jobs: what they are told, and what their last words come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from controller.actions import StartEvaluation, StartReplay, VerifyArtifact, from_dict
from controller.cluster.jobs import artifact_fact, is_verification, job_fact, job_manifest, version_of
from controller.cluster.kinds import ASK
from controller.observation import ArtifactState, JobState
from controller.resource.gate import Gate
from controller.resource.meta import Meta
from controller.resource.version import Origin
from tests.builders.surroundings import KEEPING, SETTINGS

DIGEST = f"sha256:{'a' * 64}"
VERIFY = VerifyArtifact(name="recipes-1-0-0-verify-1", version="1.0.0", source=Origin())
EVALUATE = StartEvaluation(
    name="recipes-1-1-0-eval-1", version="1.1.0", digest=DIGEST, baseline="1.0.0", dataset="default",
    gates=(Gate(metric="ndcg@10", threshold=Decimal("0.3")),),
)  # fmt: skip


def job(action, ending=None):
    found = job_manifest(action, Meta(name="recipes-1-0-0", uid="u1"), SETTINGS, model="recipes")
    found["metadata"]["creationTimestamp"] = "2026-07-01T00:00:00Z"
    if ending:
        found["status"] = {"conditions": [{"type": ending, "status": "True", "reason": "Because", "message": "so"}]}
    return found


def test_a_job_is_told_the_action_and_bears_its_name():
    found = job(EVALUATE)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}

    assert from_dict(json.loads(told["RECIPES_ASK"])) == EVALUATE
    assert from_dict(json.loads(found["metadata"]["annotations"][ASK])) == EVALUATE
    assert (found["metadata"]["name"], version_of(found)) == ("recipes-1-1-0-eval-1", "1.1.0")
    assert is_verification(job(VERIFY))
    assert not is_verification(found)


VERIFIED = {
    "running": (None, "", ArtifactState.PENDING, None),
    "verified": ("Complete", json.dumps({"state": "Verified", "digest": DIGEST}), ArtifactState.VERIFIED, DIGEST),
    "damaged": ("Complete", json.dumps({"state": "Damaged", "message": "rows differ"}), ArtifactState.DAMAGED, None),
    "ended without a word": ("Failed", "", ArtifactState.ERROR, None),
    "ended with noise": ("Failed", "Killed", ArtifactState.ERROR, None),
    "ended with something else": ("Complete", json.dumps({"state": "Splendid"}), ArtifactState.ERROR, None),
    "ended with a list": ("Complete", "[1]", ArtifactState.ERROR, None),
}


@pytest.mark.parametrize(("ending", "said", "state", "digest"), VERIFIED.values(), ids=VERIFIED.keys())
def test_a_verification(ending, said, state, digest):
    fact = artifact_fact(job(VERIFY, ending), said)

    assert (fact.name, fact.state, fact.digest) == (VERIFY.name, state, digest)
    assert fact.message or state in {ArtifactState.PENDING, ArtifactState.VERIFIED}


def test_an_evaluation_that_ended_has_samples_and_its_baseline():
    said = {
        "digest": DIGEST,
        "run": "r1",
        "samples": [{"metric": "ndcg@10", "value": "0.5", "baseline": "0.4", "samples": 120}],
    }
    fact = job_fact(job(EVALUATE, "Complete"), json.dumps(said))

    assert (fact.state, fact.baseline, fact.digest) == (JobState.SUCCEEDED, "1.0.0", DIGEST)
    assert fact.samples[0].value == Decimal("0.5")
    assert fact.started == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(("ending", "said", "why"), [
    ("Failed", "", "Because: so"),
    ("Failed", "Traceback\nMemoryError", "MemoryError"),
    ("Complete", "{", "{"),
    ("Complete", json.dumps({"run": "r1", "samples": [{"metric": "ndcg@10", "value": "much"}]}), "much"),
])  # fmt: skip
def test_an_evaluation_without_an_answer_has_failed_and_says_why(ending, said, why):
    fact = job_fact(job(EVALUATE, ending), said)

    assert fact.state is JobState.FAILED
    assert why in fact.message


def test_a_job_logs_in_to_the_registry_by_the_secret_that_is_named():
    settings = SETTINGS.model_copy(update={"registry_secret": "mlflow-login"})
    found = job_manifest(VERIFY, Meta(name="recipes-1-0-0", uid="u1"), settings, model="recipes")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "mlflow-login"}}]
    (container,) = job(VERIFY)["spec"]["template"]["spec"]["containers"]
    assert "envFrom" not in container


def test_who_replays_sees_what_users_asked_and_who_evaluates_does_not():
    replay = StartReplay(name="recipes-1-1-0-replay-1", version="1.1.0", digest=DIGEST, baseline="1.0.0", queries=50,
                         gates=EVALUATE.gates)  # fmt: skip
    volumes = {}
    for action in (replay, EVALUATE, VERIFY):
        found = job_manifest(action, Meta(name="recipes-1-1-0", uid="u1"), KEEPING, model="recipes")
        spec = found["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        env = {each["name"]: each.get("value") for each in container["env"]}
        volumes[type(action)] = ({each["name"] for each in spec["volumes"]}, env.get("RECIPES_FEEDBACK"))
    assert volumes == {
        StartReplay: ({"scratch", "feedback"}, "/var/feedback"), StartEvaluation: ({"scratch"}, None),
        VerifyArtifact: ({"scratch"}, None),
    }  # fmt: skip
