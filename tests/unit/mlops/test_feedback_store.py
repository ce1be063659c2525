"""The feedback store: once, whole lines, surviving what processes and disks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import orjson
import pytest

from mlops.errors import Conflict
from mlops.feedback import Feedback, FeedbackNotKept, FeedbackStore, content_digest, recommended_version, user_hash
from mlops.feedback_spool import DailySpool

DAY = 86_400.0
NOW = 1_800_000_000.0
WHEN = datetime.fromtimestamp(NOW, UTC)


def a_feedback(feedback_id="f-1", **fields):
    return Feedback(feedback_id=feedback_id, recommendation_id="1.0.0~x", at=WHEN, **({"clicked": ("r-1",)} | fields))


@pytest.fixture
def open_store(tmp_path):
    opened = []

    def open_store(clock=lambda: NOW, **options):
        opened.append(FeedbackStore(DailySpool(tmp_path, clock), **options))
        return opened[-1]

    yield open_store
    for store in opened:
        if store._batches._writer.is_alive():  # noqa: SLF001 - closed ones are
            store.close()


@pytest.fixture
def gate():
    return Event()


def kept(folder):
    return [orjson.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def submit(store, feedback):
    return store.submit(feedback).result(timeout=10)


def test_after_a_restart_a_repeat_is_still_a_repeat(open_store, tmp_path):
    first = open_store()
    submit(first, a_feedback(cooked=("r-2",), ratings={"r-1": 5}, user="ab"))
    first.close()

    receipt = submit(open_store(), a_feedback(cooked=("r-2",), ratings={"r-1": 5}, user="ab"))

    assert (receipt.duplicate, len(kept(tmp_path))) == (True, 1)


def test_after_midnight_a_repeat_is_still_a_repeat(open_store, tmp_path):
    now = [NOW]
    store = open_store(clock=lambda: now[0])
    submit(store, a_feedback())
    now[0] += DAY
    submit(store, a_feedback("f-2"))

    assert submit(store, a_feedback()).duplicate
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == [
        "feedback_20270115.jsonl", "feedback_20270116.jsonl",
    ]  # fmt: skip


def test_the_time_of_a_repeat_does_not_make_it_another(open_store):
    store = open_store()
    submit(store, a_feedback())

    assert submit(store, replace(a_feedback(), at=WHEN.replace(year=2030))).duplicate


def test_an_id_with_other_content_is_a_conflict(open_store):
    store = open_store()
    submit(store, a_feedback())

    with pytest.raises(Conflict, match="already used"):
        store.submit(a_feedback(clicked=("r-2",)))


def test_ids_are_remembered_up_to_a_bound(open_store, tmp_path):
    store = open_store(remembered=2)
    for number in range(4):
        submit(store, a_feedback(f"f-{number}"))

    assert [submit(store, a_feedback(f"f-{number}")).duplicate for number in (3, 0)] == [True, False]


def test_a_line_cut_off_by_a_kill_is_taken_back(open_store, tmp_path):
    path = tmp_path / "feedback_20270115.jsonl"
    whole = orjson.dumps(a_feedback("f-0").to_row()) + b"\n"
    path.write_bytes(whole + b'{"feedback_id": "f-cut", "clic')

    submit(open_store(), a_feedback("f-1"))

    assert [row["feedback_id"] for row in kept(tmp_path)] == ["f-0", "f-1"]


@pytest.mark.parametrize("rest", [b"", b"x" * 100, b"x" * 200_000], ids=["empty", "one line", "more than a block"])
def test_a_file_without_a_whole_line_is_begun_anew(open_store, tmp_path, rest):
    (tmp_path / "feedback_20270115.jsonl").write_bytes(rest)

    submit(open_store(), a_feedback())

    assert [row["feedback_id"] for row in kept(tmp_path)] == ["f-1"]


def test_foreign_lines_do_not_stop_the_start(open_store, tmp_path):
    (tmp_path / "feedback_20270115.jsonl").write_bytes(b'not json\n[1]\n{"other": 1}\n\xff\n')

    assert not submit(open_store(), a_feedback()).duplicate


def test_a_second_process_on_the_folder_is_refused(open_store, tmp_path):
    open_store()

    with pytest.raises(Conflict, match="another process"):
        DailySpool(tmp_path, lambda: NOW)


def test_a_folder_is_free_again_once_closed(open_store):
    open_store().close()

    assert not submit(open_store(), a_feedback()).duplicate


class StuckSpool(DailySpool):
    """Waits in `append` until it is let go."""

    def __init__(self, folder, gate):
        super().__init__(folder, lambda: NOW)
        self._gate = gate

    def append(self, lines):
        assert self._gate.wait(timeout=30)
        super().append(lines)


def submit_until_refused(store):
    """Return the receipts and the refusal of the one after them."""
    receipts = []
    while len(receipts) < 20:
        try:
            receipts.append(store.submit(a_feedback(f"f-{len(receipts)}")))
        except FeedbackNotKept as refusal:
            return receipts, refusal
    pytest.fail("the queue has no end")


def test_a_full_queue_refuses_at_once_and_what_waits_is_kept(tmp_path, gate):
    store = FeedbackStore(StuckSpool(tmp_path, gate), waiting=5)

    receipts, refusal = submit_until_refused(store)
    gate.set()
    store.close()

    assert refusal.reason == "queue_full"
    assert len(receipts) in (5, 6)  # the writer may have taken one
    assert len(kept(tmp_path)) == len([receipt.result(timeout=10) for receipt in receipts])


def test_what_is_owed_is_counted_from_the_oldest_on_until_it_is_written(tmp_path, gate):
    store = FeedbackStore(StuckSpool(tmp_path, gate))
    assert store.backlog == (0, None)
    first = store.submit(a_feedback("f-1"))
    second = store.submit(replace(a_feedback("f-2"), at=WHEN + timedelta(seconds=60)))
    assert store.backlog == (2, NOW)
    gate.set()
    assert (first.result(timeout=10).duplicate, second.result(timeout=10).duplicate) == (False, False)
    assert store.backlog == (0, None)
    store.close()


def test_what_was_refused_for_a_full_queue_can_be_sent_again(tmp_path, gate):
    store = FeedbackStore(StuckSpool(tmp_path, gate), waiting=1)

    receipts, _ = submit_until_refused(store)
    gate.set()
    receipts[-1].result(timeout=10)

    assert not submit(store, a_feedback(f"f-{len(receipts)}")).duplicate
    store.close()


def test_close_writes_what_is_queued(open_store, tmp_path):
    store = open_store()
    receipts = [store.submit(a_feedback(f"f-{number}")) for number in range(600)]

    store.close()

    assert len(kept(tmp_path)) == 600
    assert all(receipt.done() for receipt in receipts)


def test_a_user_hash_needs_the_salt():
    assert user_hash("jane", b"a") == user_hash("jane", b"a")
    assert user_hash("jane", b"a") != user_hash("jane", b"b")
    assert user_hash("jane", b"a") != user_hash("jan", b"ea")


@pytest.mark.parametrize(("given", "version"), [("1.2.0-rc.1+b5~abc", "1.2.0-rc.1+b5"), ("abc", None), ("~abc", None)])
def test_a_recommendation_id_tells_its_version(given, version):
    assert recommended_version(given) == version


def test_content_is_the_same_under_any_id():
    assert content_digest(a_feedback("a").to_row()) == content_digest(a_feedback("b").to_row())
    assert content_digest(a_feedback("a").to_row()) != content_digest(a_feedback("a", user="x").to_row())
