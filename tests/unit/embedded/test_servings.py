"""Versions loaded beside the traffic, and the split between them."""

from __future__ import annotations

from threading import Event

import pytest

from controller.observation import ServingState
from mlops.artifact.manifest import read_manifest, verify
from mlops.embedded.facts import Facts
from mlops.embedded.servings import Servings
from mlops.embedded.split import Split
from mlops.errors import Permanent, Transient
from mlops.recommendation import ServedModel
from predictor.slot import Slot
from tests.embeddedworld.artefacts import exchange, write_artefact
from tests.fakes.recommender import FakeRecommender


class Shelf:
    """Artefacts in a folder, a loader that may fail, and word of every change."""

    def __init__(self, folder):
        self.folder = folder
        self.changed = Event()
        self.fault: Exception | None = None
        self.servings = Servings(self.load, self.changed.set)

    def artefact(self, version):
        return self.folder / version, write_artefact(self.folder / version, version).digest

    def load(self, folder, digest):
        if self.fault is not None:
            raise self.fault
        manifest = read_manifest(folder)
        verify(folder, manifest, digest)
        recommender = FakeRecommender(version=manifest.version)
        return ServedModel(name="recipes", version=manifest.version, digest=digest, recipes=1, recommender=recommender)

    def ensure(self, version, revision="a"):
        path = self.folder / version
        digest = read_manifest(path).digest if path.exists() else self.artefact(version)[1]
        self.servings.ensure(version, path, digest, revision)

    def wait(self):
        assert self.changed.wait(30)
        self.changed.clear()

    def state(self, version):
        return self.servings.facts()[version].state


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.servings.close()


def test_a_version_is_pending_until_it_is_loaded_and_then_says_its_digest(shelf):
    shelf.ensure("1.0.0")
    shelf.wait()
    fact = shelf.servings.facts()["1.0.0"]
    assert (fact.state, fact.revision) == (ServingState.READY, "a")
    assert fact.digest == shelf.servings.model("1.0.0").digest


def test_the_same_bytes_under_another_revision_are_not_loaded_again(shelf):
    shelf.ensure("1.0.0")
    shelf.wait()
    model = shelf.servings.model("1.0.0")
    shelf.fault = Permanent("must not be loaded again")
    shelf.ensure("1.0.0", revision="b")
    assert shelf.servings.model("1.0.0") is model
    assert shelf.servings.facts()["1.0.0"].revision == "b"


def test_other_bytes_than_were_verified_are_refused_with_the_file_that_differs(shelf):
    folder, digest = shelf.artefact("1.0.0")
    exchange(folder)
    shelf.servings.ensure("1.0.0", folder, digest, "a")
    shelf.wait()
    assert shelf.state("1.0.0") is ServingState.REFUSED
    assert "rows.jsonl is damaged" in shelf.servings.facts()["1.0.0"].message
    with pytest.raises(Transient):
        shelf.servings.model("1.0.0")


@pytest.mark.parametrize("fault", [Transient("no memory"), MemoryError()], ids=["ours", "a library's"])
def test_what_may_pass_is_tried_again_when_looked_at_again(shelf, fault):
    shelf.fault = fault
    shelf.ensure("1.0.0")
    shelf.wait()
    assert shelf.state("1.0.0") is ServingState.PENDING
    shelf.fault = None
    shelf.servings.look_again()
    shelf.wait()
    assert shelf.state("1.0.0") is ServingState.READY


def test_bytes_that_change_under_a_loaded_version_are_noticed(shelf):
    shelf.ensure("1.0.0")
    shelf.wait()
    shelf.servings.look_again()
    assert not shelf.changed.is_set()
    exchange(shelf.folder / "1.0.0")
    shelf.servings.look_again()
    shelf.wait()
    assert shelf.state("1.0.0") is ServingState.REFUSED


def test_a_file_that_was_only_touched_keeps_its_version(shelf):
    shelf.ensure("1.0.0")
    shelf.wait()
    model = shelf.servings.model("1.0.0")
    (shelf.folder / "1.0.0" / "rows.jsonl").touch()
    shelf.servings.look_again()
    shelf.wait()
    assert shelf.servings.model("1.0.0") is model


def test_a_start_raises_what_loading_raised(shelf):
    folder, digest = shelf.artefact("1.0.0")
    exchange(folder)
    with pytest.raises(Permanent, match="damaged"):
        shelf.servings.open_now("1.0.0", folder, digest, "resumed")


def test_the_split_moves_only_between_loaded_versions_and_is_remembered_in_its_order(shelf, database):
    slot, facts = Slot(), Facts(database)
    split = Split(slot, shelf.servings, facts)
    for version in ("1.0.0", "1.1.0"):
        folder, digest = shelf.artefact(version)
        shelf.servings.open_now(version, folder, digest, "a")
    split.set({"1.0.0": 100})
    split.set({"1.1.0": 10, "1.0.0": 90})
    assert split.weights == {"1.0.0": 90, "1.1.0": 10}
    assert [(share.version, share.weight) for share in facts.traffic()] == [("1.0.0", 90), ("1.1.0", 10)]
    with pytest.raises(Transient):
        split.set({"1.0.0": 50, "2.0.0": 50})
    assert split.weights == {"1.0.0": 90, "1.1.0": 10}
    assert len(facts.traffic()) == 2
    split.set({})
    assert (split.weights, facts.traffic(), slot.serving) == ({}, (), False)
