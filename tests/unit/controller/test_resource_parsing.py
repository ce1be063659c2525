from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml

from controller.resource.approval import ModelApproval
from controller.resource.gate import Gate
from controller.resource.meta import version_name
from controller.resource.model import Model, ModelSpec
from controller.resource.parse import dump, parse, read
from controller.resource.policy import DEFAULTS, Asked, Step
from controller.resource.problems import InvalidManifest
from controller.resource.version import Intent, ModelVersion, effective_policy

HEAD = "apiVersion: mlops.recipe-recommender.io/v1alpha1\n"
DIGEST = "sha256:" + "a" * 64

FIVE_LINES = """\
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: ModelVersion
spec:
  model: recipes
  version: 1.1.0
"""

WHOLE_MODEL = """\
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: Model
metadata: {name: recipes, namespace: kitchen, labels: {team: food}}
spec:
  serving:
    image: registry.example/predictor:1
    minReplicas: 2
    maxReplicas: 5
    autoscaling: {metric: requests, target: 40}
    resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {memory: 2Gi}}
    hostname: recipes.example
    gateway: infra/public
  evaluation:
    dataset: golden-2026
    gates: [{metric: ndcg@10, threshold: "0.30", minRelativeChange: "0.02", greaterIsBetter: true, minSamples: 200}]
    replay: {queries: 50, gates: [{metric: overlap@10, threshold: "0.5"}]}
    deadlineSeconds: 900
    retry: {attempts: 2, backOffSeconds: 10}
    patience: {noData: {deadlineSeconds: 600, then: Archive}}
  approval: {policy: Manual, separation: None, expirySeconds: 3600, deadlineSeconds: 7200}
  rollout:
    steps: [{weight: 1, pauseSeconds: 60}, {weight: 100}]
    analysis:
      intervalSeconds: 30
      windowSeconds: 300
      failureLimit: 0
      inconclusiveLimit: 5
      gates: [{metric: error-rate, threshold: "0.01"}]
    readyDeadlineSeconds: 60
    applyDeadlineSeconds: 30
  rollback: {policy: Manual, bakeSeconds: 0}
  retraining: {schedule: "0 3 * * MON", timeZone: Europe/Madrid, triggers: {newData: true, degradation: "0.05"}}
  pinnedVersion: 1.0.0
  paused: true
"""

WHOLE_VERSION = f"""\
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: ModelVersion
metadata: {{name: recipes-2-0-0-rc-1}}
spec:
  model: recipes
  version: 2.0.0-RC.1
  source: {{registry: {{name: recipes, version: "7"}}, digest: "{DIGEST}"}}
  lineage: {{trigger: Scheduled, parent: 1.1.0, dataDigest: abc, run: r1, job: j1}}
  intent: Hold
  requestedBy: dora
  gates: [{{metric: mrr@10, minAbsoluteChange: "-0.005"}}]
  approval: {{policy: Auto}}
  rollout: {{steps: []}}
  rollback: {{bakeSeconds: 60}}
  retraining: {{schedule: "*/30 * * * *"}}
"""

APPROVAL = f"""\
apiVersion: mlops.recipe-recommender.io/v1alpha1
kind: ModelApproval
spec:
  model: recipes
  version: 1.1.0
  decision: Approve
  approver: carla
  digest: "{DIGEST}"
  resultsHash: "{DIGEST}"
  reason: numbers look right
"""


def parsed(text: str) -> Any:
    return parse(yaml.safe_load(text))


def refused(document: object) -> list[str]:
    with pytest.raises(InvalidManifest) as error:
        parse(document)
    assert error.value.hint
    return [str(problem) for problem in error.value.problems]


def version(**spec: Any) -> dict[str, Any]:
    whole = {"model": "recipes", "version": "1.1.0", **spec}
    return {"apiVersion": "mlops.recipe-recommender.io/v1alpha1", "kind": "ModelVersion", "spec": whole}


def test_five_lines_are_enough():
    found = parsed(FIVE_LINES)

    assert isinstance(found, ModelVersion)
    assert (found.name, found.meta.namespace) == ("recipes-1-1-0", "default")
    assert found.spec.intent is Intent.PROMOTE
    assert effective_policy(ModelSpec(), found.spec) == DEFAULTS


def test_a_model_needs_its_name_only():
    found = parsed(HEAD + "kind: Model\nmetadata: {name: recipes}\n")

    assert found == Model(meta=found.meta)
    assert found.spec.policy == DEFAULTS


@pytest.mark.parametrize("text", [FIVE_LINES, WHOLE_MODEL, WHOLE_VERSION, APPROVAL], ids=lambda text: text[49:80])
def test_what_is_dumped_reads_back_the_same(text: str):
    found = parsed(text)

    assert read(dump(found)) == found
    assert parse(dump(found)) == found
    assert yaml.safe_load(yaml.safe_dump(dump(found))) == dump(found)


def test_every_field_is_read():
    spec = parsed(WHOLE_MODEL).spec

    assert spec.serving.resources.requests.cpu == "500m"
    assert spec.evaluation.gates[0].min_relative_change == Decimal("0.02")
    assert spec.approval.policy is Asked.MANUAL
    assert spec.rollout.steps == (Step(weight=1, pause_seconds=60), Step(weight=100, pause_seconds=300))
    assert spec.retraining.triggers.degradation == Decimal("0.05")
    assert (spec.pinned_version, spec.paused) == ("1.0.0", True)


def test_a_block_of_a_version_replaces_that_of_the_model_whole():
    policy = effective_policy(parsed(WHOLE_MODEL).spec, parsed(WHOLE_VERSION).spec)

    assert policy.evaluation.gates == (Gate(metric="mrr@10", min_absolute_change=Decimal("-0.005")),)
    assert policy.evaluation.dataset == "golden-2026"
    assert policy.rollout.steps == ()
    assert policy.rollout.analysis == DEFAULTS.rollout.analysis
    assert policy.approval.policy is Asked.AUTO


def test_an_approval_without_a_name_gets_one_that_is_its_own():
    one, other = parsed(APPROVAL), parsed(APPROVAL.replace("carla", "dora"))

    assert isinstance(one, ModelApproval)
    assert one.meta.name.startswith("recipes-approve-")
    assert one.meta.name != other.meta.name


def test_an_approval_must_name_the_results_a_rejection_need_not():
    document = yaml.safe_load(APPROVAL)
    del document["spec"]["resultsHash"]

    assert "resultsHash: is required" in refused(document)[0]
    document["spec"]["decision"] = "Reject"
    assert parse(document)


def test_what_a_person_writes_about_status_and_owner_is_not_believed():
    document = version() | {"status": {"stage": "Production", "since": "2026-01-01T00:00:00Z"}}
    document["metadata"] = {"generation": 7, "uid": "forged", "creationTimestamp": "1999-01-01T00:00:00Z"}

    found = parse(document)

    assert isinstance(found, ModelVersion)
    assert found.status is None
    assert (found.meta.uid, found.meta.generation, found.meta.created, found.meta.created_by) == ("", 1, None, None)


def test_a_stored_object_is_read_with_its_metadata_and_a_newer_status():
    document = version() | {"status": {"since": "2026-01-01T00:00:00Z", "stage": "Staging", "fromTheFuture": {}}}
    document["metadata"] = {
        "name": "recipes-1-1-0",
        "generation": 7,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "deletionTimestamp": "2026-01-02T00:00:00Z",
        "managedFields": [],
    }

    found = read(document)

    assert isinstance(found, ModelVersion)
    assert found.status is not None
    assert (str(found.status.stage), found.meta.generation, found.meta.deleting) == ("Staging", 7, True)
    assert read(dump(found)) == found


def test_a_stored_status_that_is_none_of_ours_is_refused():
    with pytest.raises(InvalidManifest, match=r"status\.stage"):
        read(version() | {"status": {"since": "2026-01-01T00:00:00Z", "stage": "Sleeping"}})


def test_names_of_versions_are_dns_labels():
    assert version_name("recipes", "1.4.0-RC.1+build.5") == "recipes-1-4-0-rc-1-build-5"
