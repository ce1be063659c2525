"""One Lease, several replicas: who may take it, who keeps it, and that it is given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection

from controller.cluster.kinds import LEASES
from controller.cluster.leadership import LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, LeaseLock
from mlops.errors import Transient
from tests.fakes.kube_api import InMemoryKubeApi


class Replicas:
    """Two that stand for election over one API; the library's clock is the test's."""

    def __init__(self, monkeypatch):
        self.now = datetime(2026, 7, 1, tzinfo=UTC)
        self.api = InMemoryKubeApi()
        monkeypatch.setattr("kubernetes.leaderelection.leaderelection.time.time", self.seconds)
        self.locks = {name: LeaseLock(self.api, "controller", name, lambda: self.now) for name in "ab"}
        self.elections = {name: LeaderElection(self.config(lock)) for name, lock in self.locks.items()}

    def config(self, lock):
        return Config(lock, LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, lambda: None, lambda: None)

    def seconds(self):
        return self.now.timestamp()

    def stands(self, name):
        return self.elections[name].try_acquire_or_renew()

    def passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @property
    def lease(self):
        return self.api.get(LEASES, "controller")["spec"]


@pytest.fixture
def replicas(monkeypatch):
    return Replicas(monkeypatch)


def test_the_first_leads_and_the_second_waits(replicas):
    assert replicas.stands("a")
    assert not replicas.stands("b")
    assert replicas.lease["holderIdentity"] == "a"


def test_a_leader_that_renews_is_not_followed_and_keeps_its_term(replicas):
    replicas.stands("a")
    began = replicas.lease["acquireTime"]
    for _ in range(20):
        replicas.passes(RETRY_SECONDS)
        assert replicas.stands("a")
        assert not replicas.stands("b")
    assert (replicas.lease["acquireTime"], replicas.lease["leaseTransitions"]) == (began, 0)


def test_a_leader_that_fell_silent_is_followed_once_its_lease_ran_out(replicas):
    replicas.stands("a")
    assert not replicas.stands("b"), "it has to see it first"
    replicas.passes(LEASE_SECONDS - 1)
    assert not replicas.stands("b")
    replicas.passes(2)
    assert replicas.stands("b")
    assert (replicas.lease["holderIdentity"], replicas.lease["leaseTransitions"]) == ("b", 1)
    assert not replicas.stands("a"), "when it wakes, another leads"


def test_a_lease_that_was_given_back_is_taken_at_once(replicas):
    replicas.stands("a")
    replicas.locks["a"].release()
    assert not replicas.stands("a"), "whoever resigned does not renew"
    assert replicas.stands("b")


def test_only_whoever_holds_it_gives_it_back(replicas):
    replicas.stands("a")
    replicas.locks["b"].release()
    assert replicas.lease["holderIdentity"] == "a"


def test_of_two_who_write_at_once_one_wins(replicas):
    replicas.stands("a")
    replicas.stands("b")
    replicas.passes(LEASE_SECONDS + 1)
    stale = replicas.locks["b"].get("", "")
    assert replicas.stands("a")
    assert not replicas.locks["b"].update("", "", stale[1]), "it was read before another wrote it"


def test_an_api_that_does_not_answer_is_no_victory_and_no_end(replicas, monkeypatch):
    def fails(*_):
        raise Transient("down")

    replicas.stands("a")
    monkeypatch.setattr(replicas.api, "get", fails)
    assert not replicas.stands("a")
    assert not replicas.stands("b")
    monkeypatch.undo()
    monkeypatch.setattr(replicas.api, "replace", fails)
    assert not replicas.locks["a"].update("", "", replicas.locks["a"].get("", "")[1])
