"""One controller for all namespaces: what bears one name in two of them stays apart, and is called by its full name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.actions import VerifyArtifact
from controller.cluster.jobs import job_manifest
from controller.cluster.key import Key
from controller.cluster.kinds import JOBS, MODEL, VERSIONS
from controller.cluster.mirror import Mirror
from controller.resource.meta import Meta
from controller.resource.version import Origin
from mlops.errors import NotFound
from tests.builders.surroundings import SETTINGS
from tests.fakes.kube_api import InMemoryKubeApi

EVERYWHERE = SETTINGS.model_copy(update={"scope": "cluster", "hostname": "{model}.{namespace}.example"})
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def version(number="1.0.0"):
    return {"metadata": {"name": f"soups-{number.replace('.', '-')}"}, "spec": {"model": "soups", "version": number}}


@pytest.fixture
def towns():
    """Two namespaces with the same version, and a mirror of all."""
    a = InMemoryKubeApi("a")
    b = a.within("b")
    a.create(VERSIONS, version())
    b.create(VERSIONS, version())
    return a, b, Mirror(a.within(""), (VERSIONS, JOBS), lambda: 0.0)


def test_each_namespace_has_its_own(towns):
    a, _, mirror = towns
    assert mirror.fill() == {Key("a", "soups"), Key("b", "soups")}
    mirror.within("a").merge(VERSIONS, "soups-1-0-0", {"spec": {"intent": "Hold"}})
    assert mirror.within("a").get(VERSIONS, "soups-1-0-0")["spec"]["intent"] == "Hold"
    assert "intent" not in mirror.within("b").get(VERSIONS, "soups-1-0-0")["spec"]
    assert len(mirror.every(VERSIONS)) == 2

    gone = a.get(VERSIONS, "soups-1-0-0")
    a.delete(VERSIONS, "soups-1-0-0")
    assert mirror.saw(VERSIONS, "DELETED", gone) == Key("a", "soups")
    assert mirror.within("a").list(VERSIONS) == []
    assert len(mirror.within("b").list(VERSIONS, fields={"spec.model": "soups"})) == 1


def test_a_listing_mends_each_namespace_by_itself(towns):
    a, _, mirror = towns
    mirror.fill()
    a.delete(VERSIONS, "soups-1-0-0")
    assert mirror.refresh(VERSIONS) == {Key("a", "soups")}
    assert mirror.within("b").get(VERSIONS, "soups-1-0-0")


def test_what_is_made_is_made_where_its_model_is(towns):
    a, b, mirror = towns
    mirror.within("b").create(JOBS, {"metadata": {"name": "x", "labels": {MODEL: "soups"}}})
    assert (a.list(JOBS), len(b.list(JOBS))) == ([], 1)
    assert mirror.within("a").list(JOBS) == []


def test_a_job_asks_the_registry_for_the_full_name():
    action = VerifyArtifact(name="soups-1-0-0-verify-1", version="1.0.0", source=Origin())
    owner = Meta(name="soups-1-0-0", namespace="team-a", uid="u")
    for settings, called in ((EVERYWHERE, "team-a.soups"), (SETTINGS, "soups")):
        job = job_manifest(action, owner, settings, model="soups")
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert {"name": "RECIPES_MODEL", "value": called} in container["env"]
        assert job["metadata"]["labels"][MODEL] == "soups"


@given(LABEL, LABEL)
def test_a_full_name_is_read_back(namespace, model):
    key = Key(namespace, model)
    assert EVERYWHERE.key_of(EVERYWHERE.called(key), "home") == key
    assert SETTINGS.key_of(SETTINGS.called(key), namespace) == key


@pytest.mark.parametrize("called", ["soups", ".soups", "team-a.", ""])
def test_a_name_without_a_namespace_is_refused(called):
    with pytest.raises(NotFound, match="names no Model"):
        EVERYWHERE.key_of(called, "home")


def test_two_models_of_one_name_may_not_share_a_host():
    with pytest.raises(ValidationError, match=r"has to hold \{namespace\}"):
        type(SETTINGS)(**SETTINGS.model_dump() | {"scope": "cluster"})
