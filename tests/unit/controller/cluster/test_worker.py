"""When a model is looked at again: in time for what it waits for, soon after a fault, and less and less soon."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from controller.cluster.instruments import Instruments
from controller.cluster.key import Key
from controller.cluster.kinds import JOBS, MODELS, VERSIONS
from controller.cluster.work_queue import WorkQueue
from controller.cluster.worker import ASK_AGAIN_SECONDS, LONGEST_SECONDS, RESYNC_SECONDS, RETRY_SECONDS, Workers
from mlops.errors import Transient
from tests.builders.cluster_in_memory import NAME, Cluster

MODEL = Key("shop", "recipes")


class Rounds:
    """The registry of one model."""

    def __init__(self, registry):
        self._registry = registry
        self.forgotten = []

    def start(self):
        return

    def stop(self):
        return

    def of(self, _model, _changed):
        return self._registry

    def forget(self, model):
        self.forgotten.append(model)


class Lines:
    def __init__(self):
        self.told = []

    def write(self, level, event, at, line):
        self.told.append((level, event, line()))


class Desk:
    """One worker without its threads, over a cluster in memory; time is a number."""

    def __init__(self):
        self.now = 0.0
        self.cluster = Cluster(workers=1)
        self.queue = WorkQueue(lambda: self.now)
        self.metrics = CollectorRegistry()
        instruments = Instruments(self.metrics, self.cluster.around.board, lambda: self.queue.depth)
        self.rounds = Rounds(self.cluster.registry)
        self.lines = Lines()
        self.workers = Workers(
            lambda _namespace: self.cluster.shell_api,
            self.cluster.around,
            self.queue,
            self.rounds,
            instruments,
            lambda: self.now,
            self.lines,
        )

    def work(self):
        self.workers.work(MODEL)
        return self.due()

    def due(self):
        """Seconds until it is looked at again; None where it is not."""
        for seconds in (*range(int(RESYNC_SECONDS) + 1),):
            self.now += 1.0 if seconds else 0.0
            if self.queue.depth:
                assert self.queue.take() == MODEL
                self.queue.done(MODEL)
                return float(seconds)
        return None

    def count(self, outcome):
        line = f'recipes_controller_reconcile_duration_seconds_count{{outcome="{outcome}"}} '
        return float(generate_latest(self.metrics).decode().partition(line)[2].partition("\n")[0])


@pytest.fixture
def desk():
    return Desk()


def test_what_rests_is_looked_at_again_before_long_and_counted(desk):
    desk.cluster.apply()
    desk.work()
    due = desk.work()
    assert due is not None
    assert due <= RESYNC_SECONDS
    assert desk.count("settled") == 2
    assert desk.cluster.api.get(JOBS, f"{NAME}-verify-1") is not None


def test_each_round_leaves_one_line_that_says_what_was_done(desk):
    desk.cluster.apply()
    desk.work()
    desk.work()
    (acted, looked) = desk.lines.told
    assert acted[:2] == (logging.INFO, "round")
    assert (acted[2]["namespace"], acted[2]["model"]) == MODEL
    assert (acted[2]["outcome"], acted[2]["acts"]["VerifyArtifact"]) == ("settled", 1)
    assert (looked[0], looked[2]["acts"], looked[2]["looks"]) == (logging.DEBUG, {}, 1)


def test_what_fails_is_tried_again_soon_and_then_less_soon(desk):
    def fails(*_, **__):
        raise Transient("down")

    desk.cluster.apply()
    desk.cluster.shell_api.list = fails
    waits = [desk.work() for _ in range(8)]
    assert waits[:4] == [RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS, 8 * RETRY_SECONDS]
    assert waits[-1] == LONGEST_SECONDS
    assert desk.count("failed") == 8
    assert {(level, line["outcome"]) for level, _, line in desk.lines.told} == {(logging.WARNING, "failed")}
    del desk.cluster.shell_api.list
    desk.work()
    desk.cluster.shell_api.list = fails
    assert desk.work() == RETRY_SECONDS, "what went well since counts"


def test_a_fault_of_ours_ends_no_thread(desk):
    def breaks(*_, **__):
        raise ZeroDivisionError

    desk.cluster.apply()
    desk.cluster.shell_api.list = breaks
    assert desk.work() == RETRY_SECONDS
    assert desk.count("broken") == 1


def test_a_pod_that_does_not_say_yet_what_it_serves_is_asked_again(desk):
    cluster = desk.cluster
    cluster.apply(gates=[{"metric": "ndcg@10", "threshold": "0.3"}])
    for _ in range(4):
        desk.work()
        cluster.follow()
        cluster.digests.clear()
    assert desk.work() == ASK_AGAIN_SECONDS


def test_of_a_model_that_is_gone_nothing_is_remembered(desk):
    desk.cluster.apply()
    desk.work()
    assert desk.cluster.around.board.lines()
    for kind, name in ((VERSIONS, NAME), (MODELS, MODEL.model)):
        desk.cluster.api.merge(kind, name, {"metadata": {"finalizers": None}})
        desk.cluster.api.delete(kind, name)
    assert desk.work() is None
    assert desk.rounds.forgotten == [MODEL.model]
    assert desk.cluster.around.board.lines() == {}
    assert desk.count("gone") == 1
    assert desk.lines.told[-1][2]["outcome"] == "gone"
