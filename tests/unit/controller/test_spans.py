"""The trace of a rollout: one span for the whole, one for each wait, the same ids whoever sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from controller.resource.meta import Meta
from controller.resource.reasons import Reason
from controller.resource.version import Lineage, ModelVersion, VersionSpec
from controller.resource.version_status import Bake, VersionStatus
from controller.spans import over, spans, waiting
from controller.stages import Stage
from tests.builders.cluster_in_memory import Cluster

START = datetime(2026, 7, 1, tzinfo=UTC)
VERSION = ModelVersion(meta=Meta(name="recipes-1-0-0", uid="u1"), spec=VersionSpec(model="recipes", version="1.0.0"))
EVALUATING = replace(VersionStatus(since=START), stage=Stage.VALIDATION, reason=Reason.EVALUATING)
AWAITING = replace(EVALUATING, stage=Stage.STAGING, reason=Reason.AWAITING_APPROVAL)
FAILED = replace(EVALUATING, stage=Stage.ARCHIVED, reason=Reason.GATE_FAILED, message="ndcg@10 0.1 < 0.3")
BAKED = replace(
    AWAITING, stage=Stage.PRODUCTION, reason=Reason.IN_PRODUCTION, bake=Bake(started_at=START, ended_at=START)
)


def ended(before, after, *, seconds=60, waited=None, version=VERSION):
    wait = waited or waiting(before, START)
    return spans(version.spec.model, version, wait, before, after, START + timedelta(seconds=seconds))


def test_a_wait_is_a_span_once_another_begins():
    (wait,) = ended(EVALUATING, AWAITING)
    assert (wait.name, wait.start, wait.end - wait.start) == ("Evaluating", START, timedelta(seconds=60))
    assert wait.attributes["recipes.version"] == "1.0.0"
    assert ended(EVALUATING, EVALUATING) == []


def test_a_step_with_another_weight_is_another_wait():
    (wait,) = ended(replace(AWAITING, weight=20), replace(AWAITING, weight=50))
    assert wait.attributes["recipes.weight"] == 20


def test_the_whole_ends_with_the_last_wait_and_is_its_parent():
    wait, whole = ended(AWAITING, FAILED)
    assert (whole.parent, wait.parent, wait.trace) == (None, whole.id, whole.trace)
    assert (whole.failed, whole.attributes["recipes.reason"]) == (True, "GateFailed")
    assert not ended(AWAITING, BAKED)[-1].failed


def test_what_is_over_is_told_once():
    assert over(FAILED)
    assert ended(BAKED, replace(BAKED, stage=Stage.ARCHIVED, reason=Reason.SUPERSEDED)) == []


def test_ids_are_the_same_whoever_sends_them_and_others_for_another_version():
    assert ended(EVALUATING, AWAITING) == ended(EVALUATING, AWAITING)
    (other,) = ended(EVALUATING, AWAITING, version=replace(VERSION, meta=Meta(name="x", uid="u2")))
    assert other.trace != ended(EVALUATING, AWAITING)[0].trace


def test_the_whole_is_linked_to_the_training_that_brought_it_about():
    taught = replace(VERSION, spec=replace(VERSION.spec, lineage=Lineage(trace="00-1-2-01")))
    wait, whole = ended(AWAITING, FAILED, version=taught)
    assert (whole.link, wait.link) == ("00-1-2-01", None)


def test_a_version_on_its_way_leaves_one_trace_without_gaps():
    cluster = Cluster()
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    cluster.work()
    assert cluster.stage == "Production"

    waits = [span for span in cluster.spans if span.parent is not None]
    assert len({span.trace for span in cluster.spans}) == 1
    assert {"VerifyingArtifact", "Evaluating"} <= {span.name for span in waits}
    assert all(one.end == next_one.start for one, next_one in pairwise(waits))
    assert [stage for _, stage, _ in cluster.entered] == ["Validation", "Staging", "Production"]
