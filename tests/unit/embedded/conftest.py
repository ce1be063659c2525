from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from mlops.embedded.database import Database
from mlops.embedded.resources import Resources

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


class Clock:
    """A clock that a test moves; each reading is a millisecond later, so that no two objects are of one instant."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path):
    with Database.open(tmp_path / "state.db") as database:
        yield database


@pytest.fixture
def resources(database, clock):
    numbers = count(1)
    return Resources(database, "recipes", clock, lambda: f"uid-{next(numbers)}")
