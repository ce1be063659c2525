"""A Job of the controller: what it is told, what it answers, and when it asks for another try."""

from __future__ import annotations

import json

import pytest

from controller.actions import MoveAlias, StartEvaluation, VerifyArtifact, to_dict
from controller.cluster.jobs import artifact_fact, job_manifest
from controller.observation import ArtifactState
from controller.resource.meta import Meta
from controller.resource.version import Origin
from mlops import pod_job
from mlops.errors import Transient
from tests.builders.small_artifact import small_artifact
from tests.builders.surroundings import SETTINGS


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the job for an action; returns the exit code and the answer."""
    answer = tmp_path / "termination-log"
    monkeypatch.setattr(pod_job, "ANSWER", answer)

    def told(action):
        monkeypatch.setenv("RECIPES_ASK", json.dumps(to_dict(action)))
        code = pod_job.main()
        return code, answer.read_text()

    return told


def verify(uri, digest=None):
    return VerifyArtifact(name="recipes-1-0-0-verify-1", version="1.0.0", source=Origin(uri=uri, digest=digest))


def fact(action, said):
    job = job_manifest(action, Meta(name="recipes-1-0-0"), SETTINGS, model="recipes")
    job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    return artifact_fact(job, said)


def test_an_artefact_that_is_right_is_verified_with_its_digest(run, tmp_path):
    manifest = small_artifact(tmp_path / "artifact")
    action = verify(str(tmp_path / "artifact"))

    code, said = run(action)

    assert code == 0
    assert (fact(action, said).state, fact(action, said).digest) == (ArtifactState.VERIFIED, manifest.digest)


def test_that_an_artefact_is_missing_or_damaged_is_an_answer_too(run, tmp_path):
    small_artifact(tmp_path / "artifact")
    (tmp_path / "artifact" / "rows.jsonl").write_text("{ }\n")

    for uri, state in ((tmp_path / "nowhere", ArtifactState.MISSING), (tmp_path / "artifact", ArtifactState.DAMAGED)):
        action = verify(str(uri))
        code, said = run(action)
        assert code == 0
        assert fact(action, said).state is state
        assert fact(action, said).message


def test_another_version_under_this_name_is_damaged(run, tmp_path):
    small_artifact(tmp_path / "artifact", version="2.0.0")
    action = verify(str(tmp_path / "artifact"))

    assert fact(action, run(action)[1]).state is ArtifactState.DAMAGED


def test_a_registry_that_does_not_answer_asks_for_another_try(run, tmp_path, monkeypatch):
    def silent(_uri):
        raise Transient("the MLflow server does not answer")

    monkeypatch.setattr(pod_job, "_registry", silent)
    monkeypatch.setenv("RECIPES_MLFLOW_URI", "http://mlflow:5000")
    action = StartEvaluation(
        name="e", version="1.0.0", digest=f"sha256:{'a' * 64}", baseline=None, dataset="default", gates=()
    )

    code, said = run(action)

    assert code == 5
    assert "does not answer" in json.loads(said)["error"]


def test_what_is_no_job_is_refused_for_good(run):
    code, said = run(MoveAlias(version="1.0.0"))

    assert code == 6
    assert "MoveAlias" in said
