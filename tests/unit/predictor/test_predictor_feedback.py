"""POST /feedback: what is kept, of whom, and what happens when it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from mlops.feedback import FeedbackStore
from mlops.feedback_spool import DailySpool
from mlops.shown_log import ShownLog
from tests.builders.predictor_world import assert_problem

NOW = 1_800_000_000.0
TODAY = f"feedback_{datetime.fromtimestamp(NOW, UTC):%Y%m%d}.jsonl"
CLICK = {"recommendation_id": "1.0.0~abc", "clicked": ["r-1"]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "feedback"


@pytest.fixture
def store(folder):
    store = FeedbackStore(DailySpool(folder, lambda: NOW))
    yield store
    store.close()


@pytest.fixture
def feedback_world(make_world, store):
    return make_world(feedback=store)


def rows(folder):
    return [orjson.loads(line) for line in (folder / TODAY).read_bytes().splitlines()]


def test_feedback_is_on_disk_when_it_is_acknowledged(feedback_world, folder):
    answer = feedback_world.post(
        "/feedback",
        {"recommendation_id": "1.2.0~abc", "clicked": ["r-1", "r-2"], "cooked": ["r-1"], "ratings": {"r-1": 5}},
    )

    assert (answer.status_code, answer.json()["duplicate"]) == (202, False)
    (row,) = rows(folder)
    assert row == {
        "ts": "2027-01-15T08:00:00+00:00", "feedback_id": answer.json()["feedback_id"], "user": None,
        "recommendation_id": "1.2.0~abc", "version": "1.2.0",
        "clicked": ["r-1", "r-2"], "cooked": ["r-1"], "ratings": {"r-1": 5},
    }  # fmt: skip


def test_a_user_is_kept_as_a_hash(feedback_world, folder):
    feedback_world.post("/feedback", CLICK | {"user_id": "jane@example.org"})

    assert b"jane" not in (folder / TODAY).read_bytes()
    assert len(rows(folder)[0]["user"]) == 16


def test_the_same_user_has_the_same_hash_in_feedback_and_log(feedback_world, folder):
    feedback_world.post("/feedback", CLICK | {"user_id": "u"})
    feedback_world.post("/feedback", {"recommendation_id": "x", "cooked": ["r-9"], "user_id": "u"})

    assert len({row["user"] for row in rows(folder)}) == 1


def test_sent_twice_it_is_kept_once(feedback_world, folder):
    answers = [feedback_world.post("/feedback", CLICK | {"feedback_id": "f-1"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True, True]
    assert len(rows(folder)) == 1


def test_sent_many_times_at_once_it_is_kept_once(feedback_world, folder):
    answers = feedback_world.requests([("POST", "/feedback", {"json": CLICK})] * 20)

    assert {answer.status_code for answer in answers} == {202}
    assert (len(rows(folder)), feedback_world.metrics["recipes_feedback_total"]) == (1, 1)


def test_an_id_used_for_something_else_is_a_problem_409(feedback_world):
    feedback_world.post("/feedback", CLICK | {"feedback_id": "f-1"})

    answer = feedback_world.post("/feedback", CLICK | {"feedback_id": "f-1", "cooked": ["r-3"]})

    assert_problem(answer, 409, "conflict")


def test_a_full_disk_is_a_problem_503_and_the_service_goes_on(make_world, folder):
    folder.mkdir()
    (folder / TODAY).symlink_to("/dev/full")
    store = FeedbackStore(DailySpool(folder, lambda: NOW))
    world = make_world(feedback=store, feedback_folder=folder)

    answer = world.post("/feedback", CLICK)

    assert_problem(answer, 503, "not-kept")
    assert "free space" in answer.json()["detail"]
    assert world.metrics['recipes_feedback_dropped_total{reason="write_failed"}'] == 1
    health = world.request("GET", "/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["components"]["feedback_store"]["reason"] == "the last write failed: No space left on device"
    assert world.post("/recommend", {"query": "soup"}).status_code == 200
    store.close()


def test_what_a_full_disk_refused_can_be_sent_again(make_world, folder):
    folder.mkdir()
    (folder / TODAY).symlink_to("/dev/full")
    store = FeedbackStore(DailySpool(folder, lambda: NOW))
    world = make_world(feedback=store)
    world.post("/feedback", CLICK)
    store.close()
    (folder / TODAY).unlink()
    again = FeedbackStore(DailySpool(folder, lambda: NOW))

    answer = make_world(feedback=again).post("/feedback", CLICK)

    assert (answer.status_code, answer.json()["duplicate"], len(rows(folder))) == (202, False, 1)
    again.close()


def test_without_a_folder_it_is_a_problem_503_that_says_what_to_set(world):
    answer = world.post("/feedback", CLICK)

    assert_problem(answer, 503, "not-configured")
    assert "PREDICTOR_FEEDBACK_FOLDER" in answer.json()["detail"]


INVALID = {
    "nothing said": ({"recommendation_id": "a"}, "#"),
    "no recommendation": ({"clicked": ["r"]}, "#/recommendation_id"),
    "an id with a line break": (CLICK | {"recommendation_id": "a\nb"}, "#/recommendation_id"),
    "an id with quotes": (CLICK | {"feedback_id": 'a"}'}, "#/feedback_id"),
    "six stars": ({"recommendation_id": "a", "ratings": {"r": 6}}, "#/ratings/r"),
    "no star": ({"recommendation_id": "a", "ratings": {"r": 0}}, "#/ratings/r"),
    "half a star": ({"recommendation_id": "a", "ratings": {"r": 4.5}}, "#/ratings/r"),
    "stars as text": ({"recommendation_id": "a", "ratings": {"r": "5"}}, "#/ratings/r"),
    "clicks without end": (CLICK | {"clicked": [f"r-{n}" for n in range(51)]}, "#/clicked"),
    "an unknown field": (CLICK | {"stars": 5}, "#/stars"),
}


@pytest.mark.parametrize(("body", "pointer"), INVALID.values(), ids=INVALID.keys())
def test_bad_feedback_is_a_problem_422_and_not_kept(feedback_world, folder, body, pointer):
    answer = feedback_world.post("/feedback", body)

    assert_problem(answer, 422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not (folder / TODAY).exists()


def test_what_was_shown_is_kept_for_learning_without_the_users_name(make_world, folder):
    log = ShownLog(DailySpool(folder / "shown", lambda: NOW, name="shown", fsync=False))
    world = make_world(shown=log)

    answer = world.post("/recommend", {"query": "fish soup", "k": 3, "user_id": "jane@example.org"})
    log.close()

    (line,) = (folder / "shown" / TODAY.replace("feedback", "shown")).read_bytes().splitlines()
    row = orjson.loads(line)
    assert row["recommendation_id"] == answer.json()["recommendation_id"]
    assert row["shown"] == [recipe["id"] for recipe in answer.json()["recipes"]]
    assert (row["query"], row["lang"], len(row["user"])) == ("fish soup", answer.json()["language"], 16)
    assert b"jane" not in line
