"""Our client of the API against a real server: the chart's CRDs, status writes, faults of our own kinds."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from controller.cluster.api import KubeApi
from controller.cluster.kinds import EVENTS, MODELS, VERSIONS, Kind
from mlops.errors import Invalid, Permanent, Transient
from tests.cluster.commands import run, wait_established, wait_until
from tests.cluster.toolchain import toolset
from tests.fakes.kube_api import InMemoryKubeApi

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

CRDS = Path(__file__).parents[3] / "charts" / "recipe-recommender" / "files" / "crds.yaml"
NOWHERE = Kind(group="nowhere.example", version="v1", plural="things", kind="Thing")
API = "mlops.recipe-recommender.io/v1alpha1"


@pytest.fixture(scope="session")
def our_kinds(kubeconfig):
    kubectl = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
    run(*kubectl, "apply", "--server-side", "-f", CRDS)
    for each in yaml.safe_load_all(CRDS.read_text()):
        wait_established(kubectl, each["metadata"]["name"])
    return kubectl


@pytest.fixture(params=["real", "fake"])
def kube(request):
    """The client over a real API server; and the stand-in for it that unit tests use."""
    if request.param == "fake":
        fake = InMemoryKubeApi()
        fake.lacking.add(NOWHERE.kind)
        return fake
    request.getfixturevalue("our_kinds")
    return KubeApi(request.getfixturevalue("namespace"), request.getfixturevalue("api"))


@pytest.fixture
def server(our_kinds, api, namespace):
    """The real one alone: for what only schemas can refuse."""
    return KubeApi(namespace, api)


def version(number="1.0.0", **spec):
    return {
        "apiVersion": API, "kind": "ModelVersion", "metadata": {"name": f"recipes-{number.replace('.', '-')}"},
        "spec": {"model": "recipes", "version": number} | spec,
    }  # fmt: skip


def test_what_is_not_there_is_none_and_deleting_it_is_fine(kube):
    assert kube.get(VERSIONS, "recipes-1-0-0") is None
    kube.delete(VERSIONS, "recipes-1-0-0")
    kube.merge(VERSIONS, "recipes-1-0-0", {"metadata": {"labels": {"a": "b"}}})


def test_a_kind_that_the_cluster_lacks_is_named(kube):
    with pytest.raises(Permanent, match=r"knows no Thing of nowhere\.example/v1"):
        kube.list(NOWHERE)


def test_creating_twice_is_creating_once(kube):
    assert kube.create(VERSIONS, version())
    assert not kube.create(VERSIONS, version())
    assert [each["spec"]["version"] for each in kube.list(VERSIONS)] == ["1.0.0"]


def test_a_status_is_written_to_what_was_read_and_to_nothing_later(kube):
    kube.create(VERSIONS, version())
    read = kube.get(VERSIONS, "recipes-1-0-0")
    status = {"stage": "Training", "since": "2026-07-01T00:00:00Z"}

    kube.replace_status(VERSIONS, read | {"status": status})

    assert kube.get(VERSIONS, "recipes-1-0-0")["status"]["stage"] == "Training"
    with pytest.raises(Transient, match="changed meanwhile"):
        kube.replace_status(VERSIONS, read | {"status": status | {"stage": "Staging"}})


def test_labels_select(kube):
    for name, label in (("soups", "a"), ("cakes", "b")):
        kube.create(
            MODELS, {"apiVersion": API, "kind": "Model", "metadata": {"name": name, "labels": {"x": label}}, "spec": {}}
        )

    assert [each["metadata"]["name"] for each in kube.list(MODELS, {"x": "b"})] == ["cakes"]


REFUSED = {
    "another name than the version's": version() | {"metadata": {"name": "mine"}},
    "a weight over 100": version(rollout={"steps": [{"weight": 101}]}),
    "an intent that there is not": version(intent="Perhaps"),
    "a number where text belongs": version(requestedBy=7),
}


@pytest.mark.parametrize("manifest", REFUSED.values(), ids=REFUSED.keys())
def test_the_crds_refuse(server, manifest):
    with pytest.raises(Invalid):
        server.create(VERSIONS, manifest)


def test_a_version_cannot_change_but_its_intent_can(server):
    server.create(VERSIONS, version(source={"uri": "/models/a"}))

    with pytest.raises(Invalid, match="source cannot change"):
        server.merge(VERSIONS, "recipes-1-0-0", {"spec": {"source": {"uri": "/models/b"}}})
    server.merge(VERSIONS, "recipes-1-0-0", {"spec": {"intent": "Hold"}})
    assert server.get(VERSIONS, "recipes-1-0-0")["spec"]["intent"] == "Hold"


def test_a_finalizer_keeps_what_is_deleted_until_it_is_let_go(kube):
    kube.create(VERSIONS, version())
    kube.merge(VERSIONS, "recipes-1-0-0", {"metadata": {"finalizers": ["mlops.recipe-recommender.io/release"]}})
    kube.delete(VERSIONS, "recipes-1-0-0")

    assert kube.get(VERSIONS, "recipes-1-0-0")["metadata"]["deletionTimestamp"]
    kube.merge(VERSIONS, "recipes-1-0-0", {"metadata": {"finalizers": None}})
    wait_until(lambda: kube.get(VERSIONS, "recipes-1-0-0") is None, "it is gone", seconds=30)


def test_applying_the_same_again_changes_nothing_that_counts(kube):
    first = kube.apply(VERSIONS, version())
    again = kube.apply(VERSIONS, version())

    assert again["metadata"]["generation"] == first["metadata"]["generation"] == 1
    assert kube.apply(VERSIONS, version(intent="Hold"))["metadata"]["generation"] == 2


def test_an_event_is_told_once(kube):
    event = {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "recipes.told"}, "type": "Normal",
        "eventTime": "2026-07-01T00:00:00.000000Z", "reportingController": "x/y", "reportingInstance": "z",
        "reason": "GatesPassed", "action": "Decide", "note": "1 gates passed",
        "regarding": {"apiVersion": API, "kind": "Model", "name": "recipes", "namespace": kube.namespace},
    }  # fmt: skip

    assert kube.create(EVENTS, event)
    assert not kube.create(EVENTS, event)


def test_every_sample_in_manifests_is_taken(our_kinds, namespace):
    manifests = CRDS.parents[3] / "manifests"
    for path in sorted(manifests.glob("*-*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            spec = document["spec"]
            derived = f"{spec.get('model')}-{spec.get('version')}".replace(".", "-")
            document["metadata"] = {"name": derived} | (document.get("metadata") or {}) | {"namespace": namespace}
            run(
                *our_kinds,
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "-f",
                "-",
                text=yaml.safe_dump(document),
            )
