"""What was shown and what users made of it: kept, joined, dropped with age, and forgotten for one user."""

from datetime import UTC, datetime
from threading import Event, Thread

import orjson

from mlops.feedback import Feedback, FeedbackStore
from mlops.feedback_erasure import erase_user
from mlops.feedback_spool import DailySpool
from mlops.learning.online import clicks_at_3
from mlops.learning.sessions import collect
from mlops.recorded_sessions import recorded_sessions
from mlops.shown_log import NAME, Shown, ShownLog

NOW = 1_800_000_000.0
DAY = 86_400.0
WHEN = datetime.fromtimestamp(NOW, UTC)


def shown(number=1, *, user="ab12", query="fish soup"):
    return Shown(
        recommendation_id=f"1.0.0~{number}", at=WHEN, language="en", query=query, shown=("a", "b", "c"),
        version="1.0.0", user=user,
    )  # fmt: skip


def feedback(number=1, *, user="ab12", feedback_id=None, **fields):
    return Feedback(
        feedback_id=feedback_id or f"f{number}", recommendation_id=f"1.0.0~{number}", at=WHEN, user=user,
        **({"clicked": ("b",)} | fields),
    )  # fmt: skip


def keep(folder, answers=(), reports=(), clock=lambda: NOW):
    log = ShownLog(DailySpool(folder / NAME, clock, name=NAME, fsync=False))
    store = FeedbackStore(DailySpool(folder, clock))
    for answer in answers:
        log.keep(answer)
    for report in reports:
        store.submit(report).result(timeout=10)
    log.close()
    store.close()


def test_an_answer_and_its_feedback_are_a_session_that_training_reads(tmp_path):
    keep(tmp_path, [shown()], [feedback(), feedback(feedback_id="f2", clicked=(), cooked=("c",), ratings={"a": 5})])
    (row,) = recorded_sessions(tmp_path)
    (session,) = collect([orjson.dumps(row)], name="test").sessions
    assert (session.query, session.shown, session.liked) == ("fish soup", ("a", "b", "c"), {"b", "c"})
    assert (session.who, session.ratings) == ("ab12", {"a": 5})


def test_an_answer_that_nobody_reported_on_is_a_session_too(tmp_path):
    keep(tmp_path, [shown()])
    (row,) = recorded_sessions(tmp_path)
    assert (row["clicked"], row["cooked"], row["ratings"]) == ([], [], {})


def test_feedback_on_an_answer_that_was_not_kept_is_left_out(tmp_path):
    keep(tmp_path, [shown(1)], [feedback(1), feedback(2)])
    assert [row["session"] for row in recorded_sessions(tmp_path)] == ["1.0.0~1"]


def test_the_same_feedback_in_two_files_counts_once(tmp_path):
    keep(tmp_path, [shown()], [feedback()])
    path = tmp_path / "feedback_20270115.jsonl"
    (tmp_path / "feedback_20270116.jsonl").write_bytes(path.read_bytes())
    (row,) = recorded_sessions(tmp_path)
    assert row["clicked"] == ["b"]


def test_a_line_cut_off_by_a_kill_is_left_for_the_next_time(tmp_path):
    keep(tmp_path, [shown(1), shown(2)])
    path = tmp_path / NAME / "shown_20270115.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert len(list(recorded_sessions(tmp_path))) == 1


def test_keeping_never_waits_and_counts_what_it_loses(tmp_path):
    gate = Event()

    class Stuck(DailySpool):
        def append(self, lines):
            assert gate.wait(timeout=30)
            super().append(lines)

    log = ShownLog(Stuck(tmp_path, lambda: NOW, name=NAME), waiting=5)
    for number in range(20):
        log.keep(shown(number))
    assert log.lost in (14, 15)  # the writer may have taken one
    gate.set()
    log.close()
    lines = (tmp_path / "shown_20270115.jsonl").read_bytes().splitlines()
    assert len(lines) + log.lost == 20


def test_a_full_disk_costs_the_log_and_not_the_answers(tmp_path):
    (tmp_path / "shown_20270115.jsonl").symlink_to("/dev/full")
    log = ShownLog(DailySpool(tmp_path, lambda: NOW, name=NAME))
    log.keep(shown())
    log.close()
    assert log.lost == 1


def test_files_go_when_they_are_old_enough(tmp_path):
    now = [NOW]
    spool = DailySpool(tmp_path, lambda: now[0], keep_days=2)
    for _ in range(4):
        spool.append(b"{}\n")
        now[0] += DAY
    spool.close()
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == [
        "feedback_20270116.jsonl", "feedback_20270117.jsonl", "feedback_20270118.jsonl",
    ]  # fmt: skip


def test_one_user_is_forgotten_and_nobody_else(tmp_path):
    mine, theirs, unnamed = shown(1, user="me"), shown(2, user="them"), shown(3, user=None)
    keep(tmp_path, [mine, theirs, unnamed], [feedback(1, user="me"), feedback(2, user="them"), feedback(3, user="me")])
    assert erase_user(tmp_path, "me") == 4
    rows = list(recorded_sessions(tmp_path))
    assert [(row["user"], row["clicked"]) for row in rows] == [("them", ["b"])]
    assert b'"me"' not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    assert erase_user(tmp_path, "me") == 0


def test_a_user_is_forgotten_in_the_folders_of_all_pods_by_what_was_told_to_another(tmp_path):
    for pod in ("pod-a", "pod-b"):
        (tmp_path / pod).mkdir()
    keep(tmp_path / "pod-a", [shown(1, user=None), shown(2, user="them")], [feedback(2, user="them")])
    keep(tmp_path / "pod-b", [], [feedback(1, user="me")])
    assert erase_user(tmp_path, "me") == 2
    assert [row["user"] for row in recorded_sessions(tmp_path)] == ["them"]


def test_a_user_is_forgotten_while_the_service_writes_and_nothing_else_is_lost(tmp_path):
    store = FeedbackStore(DailySpool(tmp_path, lambda: NOW, fsync=False))
    log = ShownLog(DailySpool(tmp_path / NAME, lambda: NOW, name=NAME, fsync=False))
    receipts = []

    def write():
        for number in range(600):
            user = "me" if number % 3 == 0 else "them"
            log.keep(shown(number, user=user))
            receipts.append(store.submit(feedback(number, user=user)))

    writer = Thread(target=write)
    writer.start()
    erased = 0
    while writer.is_alive():
        erased += erase_user(tmp_path, "me")
    writer.join()
    assert [receipt.result(timeout=10).duplicate for receipt in receipts] == [False] * 600
    log.close()
    erased += erase_user(tmp_path, "me")
    store.close()

    rows = list(recorded_sessions(tmp_path))
    assert (erased, len(rows), {row["user"] for row in rows}) == (400, 400, {"them"})
    assert all(row["clicked"] for row in rows)


def visits(clicked_at):
    rows = [shown(number).to_row() | {"session": str(number), "clicked": [at] if at else []} for number, at in enumerate(clicked_at)]  # fmt: skip
    return collect([orjson.dumps(row) for row in rows], name="test").sessions


def test_few_sessions_have_no_online_metric():
    assert clicks_at_3(visits("abc"), window=2, seed=0) is None


def test_the_latest_sessions_are_held_against_the_first():
    sessions = sorted(visits(["a"] * 50 + [""] * 50), key=lambda session: int(session.session))
    metric = clicks_at_3(sessions, window=50, seed=0)
    assert (metric.reference, metric.current, metric.samples, metric.least_loss) == (1, 0, 50, 1)


def test_a_small_fall_may_be_chance():
    sessions = sorted(visits((["a"] * 20 + [""] * 20) + (["a"] * 18 + [""] * 22)), key=lambda session: int(session.session))  # fmt: skip
    metric = clicks_at_3(sessions, window=40, seed=0)
    assert (metric.reference, metric.current) == (0.5, 0.45)
    assert metric.least_loss < 0
