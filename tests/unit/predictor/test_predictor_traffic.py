"""Several versions at once: who is answered by which, what is noted of it, and splits that change under load."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import structlog

from mlops.feedback import FeedbackStore
from mlops.feedback_spool import DailySpool
from mlops.monitoring.traffic_log import TrafficLog
from mlops.recommendation import ServedModel
from predictor.ports import Ports
from predictor.slot import Share
from tests.fakes.recommender import fake_model
from tests.fakes.scripted_recommender import ScriptedRecommender

OLD, NEW = "1.0.0", "1.1.0"
NOW = 1_800_000_000.0
USERS = [f"u-{number}" for number in range(60)]


@pytest.fixture
def log():
    return TrafficLog()


@pytest.fixture
def halves(make_world, log):
    world = make_world(ports=Ports(traffic=log))
    world.slot.serve([Share(fake_model(OLD), 50), Share(fake_model(NEW), 50)])
    return world


def ask(world, query="soup", **more):
    return world.post("/recommend", {"query": query, "k": 3, **more})


# --- Who is answered by which version ---


def test_a_user_stays_with_a_version(halves):
    answers = {user: {ask(halves, user_id=user).json()["version"] for _ in range(3)} for user in USERS}

    assert {len(versions) for versions in answers.values()} == {1}
    assert {version for versions in answers.values() for version in versions} == {OLD, NEW}
    assert all(halves.slot.choose(user).version in versions for user, versions in answers.items())


def test_header_body_and_id_name_the_version_that_answered(halves):
    for user in USERS:
        answer = ask(halves, user_id=user)
        body = answer.json()
        assert answer.headers["x-model-version"] == body["version"] == body["recommendation_id"].split("~")[0]


def test_without_a_user_each_request_is_placed_anew(halves):
    versions = [ask(halves).json()["version"] for _ in range(200)]

    assert 60 < versions.count(NEW) < 140  # six standard deviations of fair coins around 100


def test_a_failure_is_by_the_version_of_the_user(halves):
    (user,) = [user for user in USERS if halves.slot.choose(user).version == NEW][:1]

    answer = ask(halves, "boom", user_id=user)

    assert (answer.status_code, answer.headers["x-model-version"]) == (500, NEW)


# --- What is noted ---


def test_an_answer_is_noted_with_what_it_showed(make_world, log):
    world = make_world(ports=Ports(traffic=log))
    body = world.post("/recommend", {"query": "soup", "k": 12, "user_id": "jane"}).json()

    (row,) = log.since("1.0.0", NOW)
    shown = body["recipes"]
    assert (row.at, row.version, row.failed, row.answers) == (NOW, "1.0.0", False, 1)
    assert row.recommendation_ids == (body["recommendation_id"],)
    assert row.hits == (tuple(recipe["id"] for recipe in shown[:10]),)
    assert row.top_scores == (shown[0]["score"],)
    assert row.latency_ms > 0
    assert (len(row.user), "jane" in repr(row)) == (16, False)


def test_an_answer_without_hits_is_noted_as_such(make_world, log):
    ask(make_world(ports=Ports(traffic=log)), "nothing")

    (row,) = log.since("1.0.0", NOW)
    assert (row.answers, row.hits, row.top_scores, row.followed) == (1, ((),), (None,), (False,))


@pytest.mark.parametrize(("query", "status"), [("boom", 500), ("flaky", 503)])
def test_a_fault_of_the_version_is_a_failure(make_world, log, query, status):
    assert ask(make_world(ports=Ports(traffic=log)), query).status_code == status

    (row,) = log.since("1.0.0", NOW)
    assert (row.failed, row.answers) == (True, 0)


def test_an_answer_that_comes_too_late_is_a_failure(make_world, log):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), ports=Ports(traffic=log), deadline_seconds=0.05)

    assert ask(world, "wait").status_code == 504
    gate.set()

    assert [row.failed for row in log.since("1.0.0", NOW)] == [True]


def test_overload_and_faults_of_clients_do_not_count(make_world, log):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), ports=Ports(traffic=log), workers=1, max_waiting=1)
    calls = [("POST", "/recommend", {"json": {"query": "wait"}})] * 10

    answers = world.requests_held(calls, held=2, gate=gate)
    refused = [
        ask(world, ""),
        ask(world, "soup", dietz=[]),
        world.request("GET", "/health"),
        world.post("/nothing", {}),
    ]

    assert [answer.status_code for answer in answers] == [429] * 8 + [200] * 2
    assert [answer.status_code for answer in refused] == [422, 422, 200, 404]
    assert [row.failed for row in log.since("1.0.0", NOW)] == [False, False]


def test_nothing_served_is_nobodys_failure(make_world, log):
    assert ask(make_world(served=None, ports=Ports(traffic=log))).status_code == 503

    assert log.since("1.0.0", 0) == ()


# --- Feedback ---


@pytest.fixture
def with_feedback(make_world, log, tmp_path):
    store = FeedbackStore(DailySpool(tmp_path / "feedback", lambda: NOW))
    yield make_world(ports=Ports(traffic=log), feedback=store)
    store.close()


def test_feedback_reaches_the_log_once(with_feedback, log):
    body = ask(with_feedback).json()
    feedback = {"recommendation_id": body["recommendation_id"], "clicked": [body["recipes"][1]["id"], "made-up"]}
    with_feedback.now[0] += 30
    answers = [with_feedback.post("/feedback", feedback)]
    with_feedback.now[0] += 30
    answers.append(with_feedback.post("/feedback", feedback))

    (row,) = log.since("1.0.0", NOW)
    assert [answer.json()["duplicate"] for answer in answers] == [False, True]
    assert (row.clicked, row.followed_at) == ((frozenset({body["recipes"][1]["id"]}),), NOW + 30)


def test_feedback_on_an_answer_from_before_the_start_is_kept_all_the_same(with_feedback):
    answer = with_feedback.post("/feedback", {"recommendation_id": "0.9.0~gone", "clicked": ["r-1"]})

    assert (answer.status_code, answer.json()["duplicate"]) == (202, False)


# --- Who listens ---


def test_what_was_asked_is_heard_once_it_is_answered(make_world):
    heard = []
    world = make_world(ports=Ports(heard=heard.append))
    for query in ("soup", "boom", "", "stew"):
        ask(world, query, diets=["vegan"])

    assert [[(one.text, one.k, set(one.filters.diets)) for one in asks] for asks in heard] == [
        [("soup", 3, {"vegan"})],
        [("stew", 3, {"vegan"})],
    ]


def test_who_fails_to_listen_fails_no_request(make_world):
    def deaf(asks):
        raise RuntimeError(asks[0].text)

    with structlog.testing.capture_logs() as lines:
        answer = ask(make_world(ports=Ports(heard=deaf)), "my secret soup")

    assert answer.status_code == 200
    assert [line["fault"] for line in lines if "fault" in line] == ["RuntimeError"]
    assert "secret" not in json.dumps(lines, default=str)


# --- Splits that change under load ---


def telling(version):
    """A model whose every recipe names its version."""
    recommender = ScriptedRecommender({"soup": [f"{version}/{place}" for place in range(5)]})
    return ServedModel(name="recipes", version=version, digest=f"sha256:{version}", recipes=5, recommender=recommender)


def test_splits_that_change_under_load_lose_no_request_and_mix_no_versions(make_world, log):
    world = make_world(ports=Ports(traffic=log), max_waiting=1000, deadline_seconds=60)
    old, new, third = telling(OLD), telling(NEW), telling("2.0.0")
    splits = [
        [Share(old, 100)], [Share(old, 90), Share(new, 10)], [Share(old, 50), Share(new, 50)], [Share(new, 100)],
        [Share(new, 60), Share(third, 40)], [Share(old, 40), Share(new, 30), Share(third, 30)],
    ]  # fmt: skip
    world.slot.serve(splits[0])
    stopped, changes = Event(), 0

    def change():
        nonlocal changes
        while not stopped.is_set():
            changes += 1
            world.slot.serve(splits[changes % len(splits)])

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        calls = [("POST", "/recommend", {"json": {"query": "soup", "user_id": user}}) for user in USERS]
        answers = [answer for _ in range(10) for answer in world.requests(calls)]
        stopped.set()
        changing.result()

    assert [answer.status_code for answer in answers] == [200] * 600
    assert changes > 100
    assert len({named(answer) for answer in answers}) == 3
    noted = [(row.version, row.hits[0][0]) for version in (OLD, NEW, "2.0.0") for row in log.since(version, 0)]
    assert len(noted) == 600
    assert all(hit == f"{version}/0" for version, hit in noted)


def named(answer):
    """The one version that an answer names in its header, its body, its id and its recipes."""
    body = answer.json()
    versions = {
        answer.headers["x-model-version"],
        body["version"],
        body["recommendation_id"].split("~")[0],
        *(recipe["id"].split("/")[0] for recipe in body["recipes"]),
    }
    (version,) = versions
    return version
