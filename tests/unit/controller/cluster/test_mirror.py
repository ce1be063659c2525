"""The copy of what the API holds: newest wins, what was written is read back, and a listing mends whatever was missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cluster.key import Key
from controller.cluster.kinds import JOBS, MODEL, MODELS, SERVICES, VERSIONS
from controller.cluster.mirror import Mirror, model_of
from mlops.errors import Transient
from tests.fakes.kube_api import InMemoryKubeApi

BODIES = {
    "a Model is itself": (MODELS, {"metadata": {"name": "soups"}}, "soups"),
    "a version names one": (VERSIONS, {"metadata": {"name": "x"}, "spec": {"model": "soups"}}, "soups"),
    "whatever a label on a version says": (VERSIONS, {"metadata": {"name": "x", "labels": {MODEL: "cakes"}}, "spec": {"model": "soups"}}, "soups"),
    "what we made is labelled": (JOBS, {"metadata": {"name": "x", "labels": {MODEL: "soups"}}, "spec": {"model": "cakes"}}, "soups"),
    "a stranger says nothing": (JOBS, {"metadata": {"name": "x"}}, None),
    "nonsense is nobody's": (VERSIONS, {"metadata": {"name": "x"}, "spec": {"model": 7}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "model"), BODIES.values(), ids=BODIES.keys())
def test_an_event_is_about(kind, body, model):
    assert model_of(kind, body) == model


SOUPS = Key("shop", "soups")


class Watched:
    """A mirror over an API in memory. Events come when the test says so; time is a number."""

    def __init__(self):
        self.now = 0.0
        self.api = InMemoryKubeApi()
        self.mirror = Mirror(self.api, (MODELS, VERSIONS, JOBS), lambda: self.now)
        self.shop = self.mirror.within("shop")

    def version(self, number, model="soups", **status):
        name = f"{model}-{number}".replace(".", "-")
        document = {"metadata": {"name": name}, "spec": {"model": model, "version": number}} | status
        self.api.create(VERSIONS, document)
        return self.api.get(VERSIONS, name)

    def numbers(self, model="soups"):
        return sorted(each["spec"]["version"] for each in self.shop.list(VERSIONS, fields={"spec.model": model}))


@pytest.fixture
def watched():
    return Watched()


def test_what_was_there_before_is_there_and_names_its_models(watched):
    watched.version("1.0.0")
    watched.version("1.0.0", model="cakes")
    assert not watched.mirror.filled
    assert watched.mirror.fill() == {Key("shop", "soups"), Key("shop", "cakes")}
    assert watched.mirror.filled
    assert watched.numbers() == ["1.0.0"]


def test_an_event_is_news_once_and_an_older_one_never(watched):
    old = watched.version("1.0.0")
    new = watched.api.merge(VERSIONS, "soups-1-0-0", {"spec": {"intent": "Hold"}})

    assert watched.mirror.saw(VERSIONS, "MODIFIED", new) == SOUPS
    assert watched.mirror.saw(VERSIONS, "MODIFIED", new) is None
    assert watched.mirror.saw(VERSIONS, "ADDED", old) is None
    assert watched.shop.get(VERSIONS, "soups-1-0-0")["spec"]["intent"] == "Hold"


def test_what_was_just_written_is_read_back_before_any_event(watched):
    watched.shop.create(VERSIONS, {"metadata": {"name": "soups-1-0-0"}, "spec": {"model": "soups", "version": "1.0.0"}})
    read = watched.shop.get(VERSIONS, "soups-1-0-0")
    watched.shop.replace_status(VERSIONS, read | {"status": {"stage": "Training"}})

    assert watched.shop.get(VERSIONS, "soups-1-0-0")["status"] == {"stage": "Training"}
    with pytest.raises(Transient, match="changed meanwhile"):
        watched.shop.replace_status(VERSIONS, read | {"status": {"stage": "Staging"}})


def test_what_is_gone_stays_gone_whatever_word_of_it_comes_late(watched):
    kept = watched.version("1.0.0")
    watched.mirror.fill()
    assert watched.mirror.saw(VERSIONS, "DELETED", kept) == SOUPS
    assert watched.mirror.saw(VERSIONS, "MODIFIED", kept) is None
    assert watched.numbers() == []


def test_the_last_finalizer_let_go_is_the_end_of_it(watched):
    held = watched.version("1.0.0")
    watched.api.merge(VERSIONS, held["metadata"]["name"], {"metadata": {"finalizers": ["x"]}})
    watched.mirror.fill()
    watched.shop.delete(VERSIONS, held["metadata"]["name"])
    assert watched.numbers() == ["1.0.0"], "it is in sight until the watch says otherwise"
    watched.mirror.refresh(VERSIONS)
    watched.shop.merge(VERSIONS, held["metadata"]["name"], {"metadata": {"finalizers": None}})
    assert watched.numbers() == []


def test_what_is_not_watched_is_asked_of_the_api_itself(watched):
    watched.api.create(SERVICES, {"metadata": {"name": "x"}})
    assert watched.shop.get(SERVICES, "x") is not None
    assert len(watched.shop.list(SERVICES)) == 1


def test_a_job_is_in_sight_where_it_bears_our_label(watched):
    watched.api.create(JOBS, {"metadata": {"name": "ours", "labels": {MODEL: "soups", "a": "b"}}})
    watched.api.create(JOBS, {"metadata": {"name": "theirs"}})
    watched.mirror.fill()
    assert [each["metadata"]["name"] for each in watched.shop.list(JOBS, {MODEL: "soups"})] == ["ours"]
    assert watched.shop.list(JOBS, {MODEL: "soups", "a": "c"}) == []


def test_a_watch_that_owes_what_a_listing_showed_is_found_deaf(watched):
    watched.mirror.fill()
    made = watched.version("1.0.0")
    assert watched.mirror.refresh(VERSIONS) == {SOUPS}
    assert watched.mirror.deaf() is None, "it may only be slow"
    watched.now = 61.0
    assert watched.mirror.deaf() == "the watch of modelversions has not told of soups-1-0-0 for 60 s"
    watched.mirror.saw(VERSIONS, "ADDED", made)
    assert watched.mirror.deaf() is None


def test_a_listing_mends_what_no_event_told(watched):
    watched.version("1.0.0")
    watched.mirror.fill()
    watched.api.delete(VERSIONS, "soups-1-0-0")
    assert watched.mirror.refresh(VERSIONS) == {SOUPS}
    assert watched.numbers() == []
    assert watched.mirror.refresh(VERSIONS) == set()


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "move", "delete", "event", "late", "list"])),
        max_size=40,
    )
)
def test_however_events_come_a_listing_makes_the_mirror_true(steps):
    watched, held = Watched(), []
    for name, step in steps:
        key = f"soups-{name}"
        match step:
            case "write" if watched.api.get(VERSIONS, key) is None:
                held.append(("ADDED", watched.version(name)))
            case "write":
                held.append(("MODIFIED", watched.api.merge(VERSIONS, key, {"spec": {"intent": str(len(held))}})))
            case "move" if (last := watched.api.get(VERSIONS, key)) is not None:
                other = "cakes" if last["spec"]["model"] == "soups" else "soups"
                held.append(("MODIFIED", watched.api.merge(VERSIONS, key, {"spec": {"model": other}})))
            case "delete" if (last := watched.api.get(VERSIONS, key)) is not None:
                watched.api.delete(VERSIONS, key)
                watched.api.revision += 1
                last["metadata"]["resourceVersion"] = str(watched.api.revision)
                held.append(("DELETED", last))
            case "event" | "late" if held:
                watched.mirror.saw(VERSIONS, *held[-1 if step == "event" else 0])
            case "list":
                watched.mirror.refresh(VERSIONS)
    watched.mirror.refresh(VERSIONS)
    assert sorted(each["metadata"]["name"] for each in watched.shop.list(VERSIONS)) == sorted(
        each["metadata"]["name"] for each in watched.api.list(VERSIONS)
    )
    for model in ("soups", "cakes"):
        assert watched.numbers(model) == sorted(
            each["spec"]["version"] for each in watched.api.list(VERSIONS) if each["spec"]["model"] == model
        )
    for stored in watched.api.list(VERSIONS):
        assert watched.shop.get(VERSIONS, stored["metadata"]["name"]) == stored
