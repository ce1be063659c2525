"""A predictor service in process for each test."""

from __future__ import annotations

import pytest
import structlog

from tests.builders.predictor_world import World
from tests.builders.predictor_world import make_world as build
from tests.fakes.recommender import fake_model

NOT_GIVEN = object()


@pytest.fixture(autouse=True)
def no_log_output():
    """Without a configuration structlog draws tracebacks for people, which takes longer than the tests."""

    def drop(*_):
        raise structlog.DropEvent

    structlog.configure(processors=[drop])
    yield
    structlog.reset_defaults()


@pytest.fixture
def make_world(monkeypatch):
    """Return a builder: what is in the slot, ports, a feedback store, and settings by keyword."""
    for name in ("PREDICTOR_API_TOKEN", "PREDICTOR_FEEDBACK_FOLDER", "PREDICTOR_LOG_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    built: list[World] = []

    def make(*, served=NOT_GIVEN, **options) -> World:
        built.append(build(fake_model() if served is NOT_GIVEN else served, **options))
        return built[-1]

    yield make
    for world in built:
        world.service.close()


@pytest.fixture
def world(make_world) -> World:
    return make_world()
