"""`kubectl recipes` asks the API once for each look, and anew once something was written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controller.cluster.kinds import PODS, VERSIONS
from controller.resource.version import Intent, ModelVersion
from mlops.cli.cluster_state import CONTROLLER, OF_ALL, ClusterResources, ClusterState
from mlops.cli.watching import read_view
from tests.builders.stored_cluster import store
from tests.fakes.kube_api import InMemoryKubeApi
from tests.toyworld.toy_world import ToyWorld


class Counting(InMemoryKubeApi):
    """Writes down which kinds were listed."""

    def __init__(self):
        super().__init__()
        self.listed = []

    def list(self, kind, selector=None, fields=None):
        self.listed.append(kind.kind)
        return super().list(kind, selector, fields)


@pytest.fixture
def api():
    world = ToyWorld()
    world.apply({"apiVersion": "mlops.recipe-recommender.io/v1alpha1", "kind": "ModelVersion",
                 "spec": {"model": "recipes", "version": "1.0.0"}})  # fmt: skip
    world.advance(60)
    api = Counting()
    store(world, api)
    return api


@pytest.fixture
def state(api):
    return ClusterState(
        resources=ClusterResources(api, "recipes"), place="here", user="ana", now=datetime(2026, 7, 1, tzinfo=UTC),
        api=api, name="recipes",
    )  # fmt: skip


def controller(api, labels):
    """A pod of a controller, ready."""
    api.create(PODS, {"metadata": {"name": "rr-controller-x", "labels": labels},
                      "status": {"conditions": [{"type": "Ready", "status": "True"}]}})  # fmt: skip


def test_a_picture_takes_one_list_of_each_kind(api, state):
    controller(api, CONTROLLER)
    read_view(state)
    assert sorted(api.listed) == ["Event", "ModelApproval", "ModelVersion", "Pod"], "the Model is got by its name"


def test_a_controller_elsewhere_is_awake_for_us_where_it_keeps_every_namespace(api, state):
    assert state.asleep == "the controller"
    controller(api.within("neighbours"), CONTROLLER)
    assert state.asleep == "the controller", "it keeps its own namespace alone"
    controller(api.within("platform"), OF_ALL)
    assert state.asleep is None


def test_the_next_picture_is_read_anew(api, state):
    assert state.resources.version("1.0.0").spec.intent is Intent.PROMOTE
    stored = api.get(VERSIONS, "recipes-1-0-0")
    api.apply(VERSIONS, stored | {"spec": stored["spec"] | {"intent": "Hold"}})
    assert state.resources.version("1.0.0").spec.intent is Intent.PROMOTE, "as it was looked at"
    state.changed()
    assert state.resources.version("1.0.0").spec.intent is Intent.HOLD


@pytest.mark.parametrize(
    "write",
    [
        lambda resources: resources.set_intent("1.0.0", Intent.HOLD),
        lambda resources: resources.patch_model({"paused": True}, by="ana"),
        lambda resources: resources.delete(ModelVersion, "recipes-1-0-0"),
    ],
    ids=["an intent", "a lever of the Model", "a deletion"],
)
def test_whoever_writes_sees_what_was_written(api, state, write):
    state.model()
    api.listed.clear()
    write(state.resources)
    state.resources.versions()
    assert "ModelVersion" in api.listed
