"""What was recorded, in SQLite and in a real PostgreSQL: once, whole, and forgotten when asked."""

import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from mlops.errors import Invalid, Transient
from mlops.feedback import Feedback, FeedbackStore
from mlops.feedback_database.database import FeedbackDatabase
from mlops.feedback_spool import DailySpool
from mlops.learning.sessions import collect
from mlops.recorded_sessions import recorded_answers, recorded_feedback, recorded_sessions
from mlops.shown_log import NAME, Shown, ShownLog
from tests.builders import postgres

pytestmark = pytest.mark.contract
NOW = 1_800_000_000.0
WHEN = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture(scope="module")
def server():
    if (why := postgres.missing()) is not None:
        pytest.skip(why)
    with postgres.running_postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'feedback.db'}"
        return
    url = request.getfixturevalue("server").url
    yield url
    with FeedbackDatabase.open(url) as database:
        database.prune(WHEN + timedelta(days=1))


@pytest.fixture
def spool(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def record(folder, numbers, *, users=("ab", None)):
    """Answers and feedback as a service keeps them; every other one without a user's name."""
    log = ShownLog(DailySpool(folder / NAME, lambda: NOW, name=NAME, fsync=False))
    store = FeedbackStore(DailySpool(folder, lambda: NOW, fsync=False))
    for number in numbers:
        log.keep(
            Shown(
                recommendation_id=f"1.0.0~{number}", at=WHEN + timedelta(seconds=number), language="en",
                query=f"soup {number}", shown=("a", "b", "ñ"), version="1.0.0", user=users[number % len(users)],
            )
        )  # fmt: skip
        store.submit(
            Feedback(
                feedback_id=f"f{number}", recommendation_id=f"1.0.0~{number}", at=WHEN, user="ab",
                clicked=("b",), ratings={"ñ": 5},
            )
        ).result(timeout=10)  # fmt: skip
    log.close()
    store.close()


def load(url, folder):
    with FeedbackDatabase.open(url) as database:
        return database.take(recorded_answers(folder), recorded_feedback(folder))


def test_sessions_come_out_as_from_the_spool(url, spool):
    record(spool, range(1_200))
    taken = load(url, spool)
    assert (taken.answers, taken.feedback, taken.broken) == (1_200, 1_200, 0)
    with FeedbackDatabase.open(url) as database:
        stored = list(database.sessions())
    assert sorted(stored, key=str) == sorted(recorded_sessions(spool), key=str)
    assert [row["session"] for row in stored[:2]] == ["1.0.0~0", "1.0.0~1"]


def test_loading_again_changes_nothing(url, spool):
    record(spool, range(5))
    load(url, spool)
    again = load(url, spool)
    assert (again.answers, again.feedback) == (0, 0)
    record(spool, range(5, 7))
    assert load(url, spool).answers == 2


def test_several_services_load_into_one(url, tmp_path):
    for pod in range(3):
        folder = tmp_path / f"pod-{pod}"
        folder.mkdir()
        record(folder, range(pod * 10, pod * 10 + 10))
        load(url, folder)
    with FeedbackDatabase.open(url) as database:
        assert len(list(database.sessions())) == 30


def test_rows_that_are_none_are_counted_and_left(url, spool):
    record(spool, range(2))
    with (spool / "feedback_20270115.jsonl").open("ab") as stream:
        stream.write(b'{"feedback_id": "x"}\n{"feedback_id": "y", "recommendation_id": "z", "ts": "never"}\n')
    taken = load(url, spool)
    assert (taken.feedback, taken.broken) == (2, 2)


def test_a_user_is_forgotten_with_the_answers_they_reported_on(url, spool):
    record(spool, range(4))
    load(url, spool)
    with FeedbackDatabase.open(url) as database:
        assert database.erase("ab") == 8
        assert (list(database.sessions()), database.erase("ab")) == ([], 0)


def test_what_is_old_goes(url, spool):
    record(spool, range(4))
    load(url, spool)
    with FeedbackDatabase.open(url) as database:
        assert database.prune(WHEN + timedelta(seconds=2)) == 2 + 4
        assert len(list(database.sessions())) == 2


def test_a_database_that_was_away_has_everything_afterwards(server, spool):
    record(spool, range(20))
    server.stop()
    with pytest.raises(Transient, match="does not answer") as fault:
        load(server.url, spool)
    assert "spool" in fault.value.hint
    server.start()
    assert load(server.url, spool).answers == 20
    with FeedbackDatabase.open(server.url) as database:
        assert len(collect_all(database)) == 20
        database.prune(WHEN + timedelta(days=1))


def test_a_database_that_is_killed_under_load_has_every_row_once_afterwards(server, spool):
    """Users click on, a loader loads, and the server dies three times under them; then both are counted."""
    stopping, faults = Event(), []

    def load_forever():
        while not stopping.is_set():
            try:
                load(server.url, spool)
            except Transient as fault:
                faults.append(fault)

    loader = Thread(target=load_forever)  # one: Alembic is not for two threads of a process
    loader.start()
    try:
        for death in range(3):
            record(spool, range(death * 700, death * 700 + 700))
            server.stop()  # as after a crash: nothing is finished, nothing is said
            seen = len(faults)
            while len(faults) == seen:
                time.sleep(0.01)
            server.start()
    finally:
        stopping.set()
        loader.join()
    load(server.url, spool)
    with FeedbackDatabase.open(server.url) as database:
        stored = list(database.sessions())
        assert len(stored) == len({row["session"] for row in stored}) == 2_100
        assert all(row["clicked"] == ["b"] for row in stored)
        database.prune(WHEN + timedelta(days=1))


def collect_all(database):
    import orjson  # noqa: PLC0415

    return collect((orjson.dumps(row) for row in database.sessions()), name="test").sessions


def _load_slowly(url, folder):
    def slowly(rows):
        for row in rows:
            time.sleep(0.001)
            yield row

    with FeedbackDatabase.open(url) as database:
        database.take(slowly(recorded_answers(folder)), slowly(recorded_feedback(folder)))


def test_a_load_that_is_killed_loses_nothing_and_doubles_nothing(url, spool):
    record(spool, range(1_500))
    with FeedbackDatabase.open(url):
        pass
    child = multiprocessing.get_context("spawn").Process(target=_load_slowly, args=(url, spool))
    child.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with FeedbackDatabase.open(url) as database:
            if list(database.sessions()):
                break
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    load(url, spool)
    with FeedbackDatabase.open(url) as database:
        stored = list(database.sessions())
    assert len(stored) == len({row["session"] for row in stored}) == 1_500
    assert all(row["clicked"] == ["b"] for row in stored)


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://root@localhost/x"])
def test_another_kind_of_address_is_refused_without_telling_it(address):
    with pytest.raises(Invalid) as fault:
        FeedbackDatabase.open(address)
    assert "root@" not in fault.value.message


def test_a_password_is_not_told(tmp_path):
    with pytest.raises(Transient) as fault:
        FeedbackDatabase.open(f"postgresql://u:secret@/x?host={tmp_path}")
    assert "secret" not in fault.value.message + fault.value.hint
