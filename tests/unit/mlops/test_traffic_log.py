"""The log of what each version answered and what users did with it."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.evaluation.ranking import ranking_values
from mlops.monitoring.traffic_log import ServedRequest, TrafficLog

NOW = 1_800_000_000.0


def served(*ids, at=NOW, version="1.0.0", hits=("a", "b", "c"), **more):
    """Build a request with an answer for each recommendation id, each showing `hits`."""
    return ServedRequest(
        at=at,
        version=version,
        failed=not ids,
        latency_ms=5.0,
        recommendation_ids=ids,
        hits=(hits,) * len(ids),
        top_scores=(0.9 if hits else None,) * len(ids),
        **more,
    )


def log_of(*requests, **options):
    log = TrafficLog(**options)
    for request in requests:
        log.record(request)
    return log


def ids_since(log, version, at):
    return [request.recommendation_ids for request in log.since(version, at)]


def test_requests_are_read_by_version_and_time_in_the_order_they_ended():
    log = log_of(served("x", at=NOW), served("y", at=NOW + 1, version="1.1.0"), served("z", at=NOW + 2))

    assert ids_since(log, "1.0.0", NOW) == [("x",), ("z",)]
    assert ids_since(log, "1.0.0", NOW + 0.1) == [("z",)]
    assert ids_since(log, "1.1.0", NOW) == [("y",)]
    assert ids_since(log, "2.0.0", 0.0) == []


def test_a_clock_that_jumps_back_hides_nothing_newer():
    log = log_of(served("x", at=NOW + 100), served("y", at=NOW), served("z", at=NOW + 50))

    assert ids_since(log, "1.0.0", NOW + 40) == [("x",), ("z",)]


def test_a_failure_is_a_request_without_answers():
    (request,) = log_of(served()).since("1.0.0", NOW)

    assert (request.failed, request.answers, request.followed) == (True, 0, ())


def test_feedback_is_on_the_answer_it_is_about():
    log = log_of(served("x", "y"), served("z"))

    assert log.feedback("y", ["b"], ["c"], NOW + 9)

    first, second = log.since("1.0.0", NOW)
    assert (first.clicked, first.cooked) == ((frozenset(), frozenset("b")), (frozenset(), frozenset("c")))
    assert (first.followed, first.followed_at) == ((False, True), NOW + 9)
    assert (second.followed, second.followed_at) == ((False,), None)


def test_feedback_adds_up():
    log = log_of(served("x"))
    log.feedback("x", ["a"], [], NOW + 1)
    log.feedback("x", ["b"], ["a"], NOW + 2)

    (request,) = log.since("1.0.0", NOW)
    assert (request.clicked, request.cooked, request.followed_at) == ((frozenset("ab"),), (frozenset("a"),), NOW + 2)


def test_what_was_not_shown_was_not_followed():
    log = log_of(served("x"))

    assert log.feedback("x", [f"made-up-{number}" for number in range(50)], ["z"], NOW + 1)

    (request,) = log.since("1.0.0", NOW)
    assert (request.clicked, request.followed, request.followed_at) == ((frozenset(),), (False,), None)


def test_feedback_on_an_answer_that_is_not_known_is_told():
    log = log_of(served("x", at=NOW), served("y", at=NOW + 1), limit=1)

    assert [log.feedback(name, ["a"], [], NOW + 2) for name in ("x", "y", "never", "")] == [False, True, False, False]


def test_what_was_read_does_not_change():
    log = log_of(served("x"))
    (before,) = log.since("1.0.0", NOW)
    log.feedback("x", ["a"], [], NOW)

    assert before.followed == (False,)


def test_ctr_and_ndcg_follow_from_the_rows():
    log = log_of(served("x"), served("y"), served("z"))
    log.feedback("x", ["a"], [], NOW)
    log.feedback("y", ["c"], [], NOW)

    answers = {
        name: (hits, clicked)
        for row in log.since("1.0.0", NOW)
        for name, hits, clicked in zip(row.recommendation_ids, row.hits, row.clicked, strict=True)
    }
    judged = {name: dict.fromkeys(clicked, 1) for name, (_, clicked) in answers.items() if clicked}
    values = ranking_values({name: answers[name][0] for name in judged}, judged)

    assert sum(bool(clicked) for _, clicked in answers.values()) / len(answers) == pytest.approx(2 / 3)
    assert [values[name]["ndcg@10"] for name in "xy"] == [pytest.approx(1.0), pytest.approx(0.5)]


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_a_batch_takes_the_room_of_all_its_answers(batch):
    log = log_of(*(served(*(f"{number}-{place}" for place in range(batch))) for number in range(200)), limit=100)

    rows = log.since("1.0.0", 0)
    assert sum(row.answers for row in rows) == batch * (100 // batch)
    assert rows[-1].recommendation_ids[0] == "199-0"


def test_failures_alone_are_bounded_too():
    assert len(log_of(*(served() for _ in range(200)), limit=100).since("1.0.0", 0)) == 100


def test_versions_that_were_heard_of_longest_ago_are_forgotten_with_their_answers():
    log = log_of(*(served(f"x{number}", version=f"1.{number}.0") for number in range(5)), versions=4)
    log.record(served("again", version="1.1.0"))
    log.record(served("new", version="1.5.0"))

    kept = [bool(log.since(f"1.{number}.0", 0)) for number in range(6)]
    assert kept == [False, True, False, True, True, True]
    assert [log.feedback(f"x{number}", ["a"], [], NOW) for number in range(5)] == kept[:5]


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from("abcdef"), st.integers(0, 5)),
        st.tuples(st.just("feedback"), st.integers(0, 60), st.sampled_from("abcz")),
    ),
    max_size=80,
)


@given(operations=OPERATIONS)
def test_whatever_comes_it_stays_bounded_and_every_answer_it_knows_is_readable(operations):
    log, made = TrafficLog(limit=10, versions=3), 0
    for what, first, second in operations:
        if what == "record":
            log.record(served(*(f"r{made + place}" for place in range(second)), version=first))
            made += second
        else:
            log.feedback(f"r{first}", [second], [], NOW)

    rows = {version: log.since(version, 0) for version in "abcdef"}
    assert sum(bool(found) for found in rows.values()) <= 3
    assert all(sum(max(1, row.answers) for row in found) <= 10 for found in rows.values())
    known = {name for found in rows.values() for row in found for name in row.recommendation_ids}
    assert {f"r{number}" for number in range(made) if log.feedback(f"r{number}", ["a"], [], NOW)} == known


def test_threads_lose_no_request_and_no_click():
    log = TrafficLog()

    def work(name):
        for number in range(500):
            log.record(served(f"{name}-{number}"))
            log.feedback(f"{name}-{number}", ["a"], [], NOW)
            if number % 100 == 0:
                log.since("1.0.0", NOW)

    threads = [Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = log.since("1.0.0", NOW)
    assert (len(rows), all(row.followed == (True,) for row in rows)) == (2000, True)
