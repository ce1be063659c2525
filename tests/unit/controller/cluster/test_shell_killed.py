"""Killed before and after each write of a version's way to production, another process ends where this one would have."""

from __future__ import annotations

import pytest

from controller.cluster.kinds import EVENTS, JOBS, ROUTES
from mlops.errors import Transient
from tests.builders.cluster_in_memory import Cluster

ROUNDS = 12
GATES = [{"metric": "ndcg@10", "threshold": "0.3"}]


class Killed(Exception):  # noqa: N818 - what happens to the process
    """The process is gone: nothing catches this."""


def end_of(cluster):
    """What is left, without what only counts writes."""
    return {
        "stage": cluster.stage,
        "champion": cluster.registry.fact.champion,
        "jobs": sorted(each["metadata"]["name"] for each in cluster.api.list(JOBS)),
        "route": cluster.api.get(ROUTES, "recipes")["spec"],
        "told": sorted(each["reason"] for each in cluster.api.list(EVENTS)),
    }


def live(kill_at=None, *, after=False, fault=Killed):
    """A version's life with one fault at the so-manieth write; returns its end and how many writes there were."""
    cluster = Cluster()
    cluster.apply(gates=GATES)
    cluster.api.verbs.clear()
    arm(cluster, kill_at, after=after, fault=fault)
    for _ in range(ROUNDS):
        try:
            cluster.settle()
        except Killed:
            cluster.restart()
        except Transient:
            pass  # the worker comes again
        cluster.follow()
    return end_of(cluster), cluster.writes


def arm(cluster, kill_at, *, after, fault):
    """Count the shell's writes, and fail at one of them, before it has happened or after."""
    cluster.writes = 0

    def armed(write):
        def called(*arguments):
            cluster.writes += 1
            hit = cluster.writes - 1 == kill_at
            if hit and not after:
                raise fault("before")
            done = write(*arguments)
            if hit and after:
                raise fault("after")
            return done

        return called

    for verb in ("apply", "create", "replace_status", "merge", "delete"):
        setattr(cluster.shell_api, verb, armed(getattr(cluster.api, verb)))


WANTED, WRITES = live()


def test_undisturbed_it_goes_to_production():
    assert WANTED["stage"] == "Production"
    assert WANTED["champion"] == "1.0.0"
    assert WRITES > 10


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(WRITES))
def test_killed_at_a_write_it_ends_the_same(write, after):
    assert live(write, after=after)[0] == WANTED


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(WRITES))
def test_an_api_that_fails_at_a_write_changes_nothing_of_the_end(write, after):
    assert live(write, after=after, fault=Transient)[0] == WANTED
