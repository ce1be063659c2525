"""APScheduler as the laptop uses it."""

import logging
import threading
from datetime import UTC, datetime

from mlops.embedded.alarms import Alarms


def test_what_rings_is_heard_and_not_logged(caplog):
    caplog.set_level(logging.INFO)
    rung = threading.Event()
    alarms = Alarms(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    alarms.every("often", 0.01, rung.set)
    alarms.start()
    try:
        assert rung.wait(10)
    finally:
        alarms.stop()
    assert caplog.records == []
