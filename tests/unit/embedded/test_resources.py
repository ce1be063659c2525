"""Applying on a laptop follows the rules of an API server."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from controller.decide import decide
from controller.observation import Observation
from controller.resource.approval import ModelApproval
from controller.resource.meta import API_VERSION
from controller.resource.model import Model
from controller.resource.problems import InvalidManifest
from controller.resource.version import Intent, ModelVersion
from mlops.embedded.resources import Change
from mlops.errors import Conflict, Invalid, NotFound
from tests.unit.embedded.conftest import START

DIGEST = "sha256:" + "1" * 64


def manifest(kind: str, name: str | None = None, **spec: object) -> dict[str, object]:
    metadata = {"metadata": {"name": name}} if name else {}
    return {"apiVersion": API_VERSION, "kind": kind, **metadata, "spec": spec}


def version(number: str = "1.0.0", **spec: object) -> dict[str, object]:
    return manifest("ModelVersion", model="recipes", version=number, **spec)


def test_a_version_of_two_lines_is_created_and_brings_its_model(resources):
    applied = resources.apply(version(), by="ann")
    assert (applied.change, applied.resource.meta.name) == (Change.CREATED, "recipes-1-0-0")
    assert resources.model().meta.name == "recipes"
    stored = resources.version("1.0.0")
    assert (stored.meta.uid, stored.meta.created_by, stored.meta.generation) == ("uid-2", "ann", 1)
    assert stored.meta.created > START


@pytest.mark.parametrize(
    ("second", "change"),
    [
        (version(), Change.UNCHANGED),
        (version(intent="Hold"), Change.CONFIGURED),
        (manifest("Model", "recipes"), Change.UNCHANGED),
        (manifest("Model", "recipes", approval={"policy": "Manual"}), Change.CONFIGURED),
    ],
    ids=["the same again", "another intent", "the default Model", "a Model with a policy"],
)
def test_applied_again_it_says_what_changed(resources, second, change):
    resources.apply(version(), by="ann")
    assert resources.apply(second, by="bob").change is change


def test_an_applied_change_is_a_new_generation_by_the_same_author(resources):
    resources.apply(version(), by="ann")
    resources.apply(version(intent="Abort"), by="bob")
    stored = resources.version("1.0.0")
    assert (stored.meta.generation, stored.meta.created_by, stored.spec.intent) == (2, "ann", Intent.ABORT)


def test_levers_stay_as_people_left_them_unless_the_manifest_names_them(resources):
    resources.apply(version(), by="ann")
    resources.set_intent("1.0.0", Intent.ABORT)
    resources.patch_model({"pinnedVersion": "1.0.0", "paused": True}, by="ann")
    resources.apply(version(), by="ann")
    resources.apply(manifest("Model", "recipes", approval={"policy": "Manual"}), by="ann")
    assert resources.version("1.0.0").spec.intent is Intent.ABORT
    assert (resources.model().spec.pinned_version, resources.model().spec.paused) == ("1.0.0", True)
    resources.apply(manifest("Model", "recipes", paused=False), by="ann")
    assert (resources.model().spec.pinned_version, resources.model().spec.paused) == ("1.0.0", False)
    resources.patch_model({"pinnedVersion": None}, by="ann")
    assert resources.model().spec.pinned_version is None


@pytest.mark.parametrize(
    ("wrong", "fault", "words"),
    [
        (version(requestedBy="bob"), Conflict, r"recipes-1-0-0 cannot change spec\.requested_by"),
        (version(source={"digest": DIGEST}), Conflict, r"cannot change spec\.source"),
        (manifest("Model", "cakes"), Invalid, "is of model cakes, this home serves recipes"),
        (manifest("ModelVersion", model="cakes", version="1.0.0"), Invalid, "is of model cakes"),
        (version("1.0"), InvalidManifest, "is not SemVer"),
        (version("1.1.0", rollout={"steps": [{"weight": 50}, {"weight": 10}]}), InvalidManifest, "weights must rise"),
        ({"kind": "ModelVersion"}, InvalidManifest, "apiVersion"),
        ([], InvalidManifest, "must be a mapping"),
    ],
    ids=["author", "source", "model", "version of model", "semver", "weights", "no api version", "a list"],
)
def test_what_cannot_be_is_refused_and_nothing_changes(resources, wrong, fault, words):
    resources.apply(version(), by="ann")
    with pytest.raises(fault, match=words):
        resources.apply(wrong, by="ann")
    assert [each.spec.version for each in resources.versions()] == ["1.0.0"]
    assert resources.version("1.0.0").meta.generation == 1


def test_a_patch_of_the_model_that_breaks_a_rule_changes_nothing(resources):
    resources.ensure_model(by="ann")
    with pytest.raises(InvalidManifest, match="pinnedVersion"):
        resources.patch_model({"pinnedVersion": "latest"}, by="ann")
    assert resources.model().spec.pinned_version is None


def test_a_deleted_version_stays_until_it_is_released_and_cannot_be_applied_meanwhile(resources):
    resources.apply(version(), by="ann")
    resources.delete(ModelVersion, "recipes-1-0-0")
    resources.delete(ModelVersion, "recipes-1-0-0")
    assert resources.version("1.0.0").meta.deleting
    with pytest.raises(Conflict, match="is being deleted"):
        resources.apply(version(intent="Hold"), by="ann")
    resources.release(ModelVersion, "recipes-1-0-0")
    resources.release(ModelVersion, "recipes-1-0-0")
    assert resources.versions() == ()
    assert resources.apply(version(), by="ann").change is Change.CREATED


def test_approvals_go_with_their_version_and_can_be_taken_back(resources):
    approval = {"model": "recipes", "decision": "Approve", "approver": "bob", "digest": DIGEST, "resultsHash": DIGEST}
    for number in ("1.0.0", "1.1.0"):
        resources.apply(version(number), by="ann")
        resources.apply(manifest("ModelApproval", version=number, **approval), by="bob")
    first, second = resources.approvals()
    assert first.meta.created_by == "bob"
    resources.release(ModelVersion, "recipes-1-0-0")
    assert resources.approvals() == (second,)
    resources.delete(ModelApproval, second.meta.name)
    assert resources.approvals() == ()


def test_a_forged_approval_does_not_stand_in_the_way_of_the_real_one(resources):
    resources.apply(version(), by="ann")
    approval = manifest(
        "ModelApproval",
        model="recipes",
        version="1.0.0",
        decision="Approve",
        approver="bob",
        digest=DIGEST,
        resultsHash=DIGEST,
    )
    for by in ("mallory", "bob", "bob"):
        resources.apply(approval, by=by)
    assert [each.meta.created_by for each in resources.approvals()] == ["mallory", "bob"]


def test_an_unknown_version_is_named_beside_those_that_there_are(resources):
    resources.apply(version("1.0.0"), by="ann")
    with pytest.raises(NotFound, match=r"no ModelVersion 2\.0\.0 of recipes; there are: 1\.0\.0"):
        resources.version("2.0.0")
    assert resources.version("recipes-1-0-0").spec.version == "1.0.0"
    with pytest.raises(NotFound, match="there is no Model cakes"):
        resources.delete(Model, "cakes")


def test_a_status_is_read_back_as_it_was_saved_and_none_is_made_for_what_is_gone(resources, clock):
    resources.apply(version("1.0.0"), by="ann")
    resources.apply(version("1.1.0"), by="ann")
    observation = Observation(model=resources.model(), versions=resources.versions())
    decision = decide(observation, clock())
    resources.release(ModelVersion, "recipes-1-1-0")
    resources.save(observation, decision)
    assert resources.version("1.0.0").status == decision.statuses["1.0.0"]
    assert resources.model().status == decision.model
    assert [each.spec.version for each in resources.versions()] == ["1.0.0"]


def test_nobody_writes_between_the_model_that_is_read_and_its_versions(resources, database, monkeypatch):
    resources.apply(version(), by="ann")
    read, shut_out = database.read, []

    def reading(query, *parameters):
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            shut_out.append(False)
        except sqlite3.OperationalError:
            shut_out.append(True)
        return read(query, *parameters)

    monkeypatch.setattr(database, "read", reading)
    with closing(sqlite3.connect(database.path, timeout=0, isolation_level=None)) as other:
        model, versions, approvals = resources.of_one_moment(by="recipes up")
    assert (model.meta.name, [each.spec.version for each in versions], approvals) == ("recipes", ["1.0.0"], ())
    assert shut_out == [True] * len(shut_out)
    assert len(shut_out) >= 3
