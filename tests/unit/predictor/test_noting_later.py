"""Requests that are noted later: nothing is lost, whoever reads the metrics finds all of it, nobody waits."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mlops.canonical_lines import PlainLines
from mlops.monitoring.collector import MetricsCollector
from predictor import telemetry as module
from predictor.instruments import Instruments
from predictor.noting import Noting
from predictor.telemetry import Telemetry
from tests.builders.predictor_world import make_world
from tests.fakes.recommender import fake_model

NOW = 1_800_000_000.0


class Noted:
    """A telemetry that notes later, and what it has noted."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.instruments = Instruments(self.registry)
        self.collector = MetricsCollector(lambda: NOW)
        self.noting = Noting(self.instruments, self.collector, None, PlainLines("app"))
        self.telemetry = Telemetry(
            self.noting, self.instruments, clock=lambda: NOW, timer=count(0.0, 0.001).__next__, later=True
        )

    def request(self, status=200, route="/recommend"):
        with self.telemetry.request(request_id="r-1", route=route, method="POST", headers={}) as record:
            record.status = status

    def ask(self, *statuses):
        """Have requests come and go, in a loop that ends with them."""

        async def asked():
            for status in statuses:
                self.request(status)

        asyncio.run(asked())

    def counted(self, status="200"):
        labels = {"route": "/recommend", "status": status, "version": ""}
        return self.registry.get_sample_value("recipes_request_duration_seconds_count", labels) or 0


@pytest.fixture
def noted(monkeypatch):
    """Left to itself, the loop would note what gathers only after the test."""
    monkeypatch.setattr(module, "_LINGER", 3600.0)
    return Noted()


def test_whoever_reads_the_metrics_finds_every_request_that_is_over(noted):
    noted.ask(*[200] * 40, 500)
    assert noted.counted() == 0
    noted.telemetry.settle()
    assert (noted.counted(), noted.counted("500")) == (40, 1)


async def turns(noted):
    """Twenty turns of the loop; what was counted after each, without repetitions."""
    seen = []
    for _ in range(20):
        seen.append(noted.counted())
        await asyncio.sleep(0)
    return list(dict.fromkeys(seen))


def test_left_to_itself_the_loop_notes_a_few_in_a_turn_and_does_others_between(monkeypatch):
    monkeypatch.setattr(module, "_LINGER", 0.0)
    monkeypatch.setattr(module, "_AT_A_TIME", 4)
    noted = Noted()

    async def asked():
        for _ in range(10):
            noted.request()
        first = await turns(noted)
        noted.request()
        return first, await turns(noted)

    assert asyncio.run(asked()) == ([0, 4, 8, 10], [10, 11])


def test_a_loop_that_ended_keeps_nothing_from_the_next(monkeypatch):
    monkeypatch.setattr(module, "_LINGER", 1.0)
    noted, now = Noted(), [0.0]

    async def asked(ends):
        asyncio.get_running_loop().time = lambda: now[0]
        noted.request()
        now[0] = ends
        return await turns(noted)

    assert [asyncio.run(asked(ends)) for ends in (0.5, 9.0)] == [[0], [0, 2]]


def test_without_a_loop_a_request_is_noted_at_once(noted):
    with capture_logs() as lines:
        noted.request()
    assert noted.counted() == 1
    assert [line["event"] for line in lines] == ["request"]


def test_what_is_left_at_the_end_is_noted(monkeypatch):
    monkeypatch.setattr(module, "_LINGER", 3600.0)
    world = make_world(fake_model(), note_later=True)
    assert world.post("/recommend", {"query": "soup"}).status_code == 200
    counted = 'recipes_request_duration_seconds_count{route="/recommend",status="200",version="1.0.0"}'
    before = world.metrics.get(counted, 0.0)
    world.service.close()
    assert (before, world.metrics[counted]) == (0.0, 1.0)


def test_window_statistics_need_not_wait(noted):
    noted.ask(200)
    assert len(noted.collector) == 1
    assert noted.counted() == 0


def test_where_no_more_fit_a_request_is_noted_at_once(monkeypatch):
    monkeypatch.setattr(module, "_LINGER", 3600.0)
    monkeypatch.setattr(module, "_WAITING", 3)
    noted = Noted()
    noted.ask(*[200] * 5)
    assert noted.counted() == 2
    noted.telemetry.settle()
    assert noted.counted() == 5


def test_one_that_cannot_be_noted_takes_no_other_with_it(noted, monkeypatch):
    measure, first = noted.noting.afterwards, []

    def failing_once(ended):
        if not first:
            first.append(ended)
            raise ValueError("no")
        measure(ended)

    monkeypatch.setattr(noted.noting, "afterwards", failing_once)
    noted.ask(200, 200)
    with capture_logs() as lines:
        noted.telemetry.settle()
    assert noted.counted() == 1
    assert lines[0]["event"] == "a request was not noted"
    assert lines[0]["request_id"] == "r-1"
