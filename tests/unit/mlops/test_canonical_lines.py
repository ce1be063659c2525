"""A line that is written in batches says what any other line would have said, where it would have said it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest

from mlops.canonical_lines import BatchedLines, PlainLines
from mlops.logging_config import LOGGERS, LogConfig, configure_logging
from tests.unit.mlops.test_logging_config import logging_as_before

__all__ = ["logging_as_before"]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
LINE = {"request_id": "r-1", "status": 200, "ms": 1.5, "phases_ms": {"embed": 0.5}, "user": None}


def written(folder):
    return [
        json.loads(line) for path in sorted(folder.glob("app_*.log")) for line in path.read_text().splitlines()
    ]  # fmt: skip


def test_it_says_what_structlog_would_have_said(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))
    batched = BatchedLines("app")
    for lines in (batched, PlainLines("app")):
        lines.write(logging.WARNING, "request", NOON, lambda: dict(LINE))
    batched.close()

    ours, theirs = sorted(written(tmp_path), key=lambda line: line.pop("time"))
    assert ours == theirs == {**LINE, "event": "request", "logger": "app", "level": "warning"}


def test_it_is_in_the_file_of_the_day_when_it_happened(tmp_path):
    configure_logging(LogConfig(folder=tmp_path, keep_days=9))
    lines = BatchedLines("app")
    for at in (NOON, NOON + 1, NOON + 86_400):
        lines.write(logging.INFO, "request", at, dict)
    lines.close()

    assert {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()} == {
        "app_20260701.log": 2, "app_20260702.log": 1,
    }  # fmt: skip


def test_the_level_is_asked_for_at_each_line(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))
    lines = BatchedLines("app")
    lines.write(logging.DEBUG, "quiet", NOON, dict)
    logging.getLogger("app").setLevel("DEBUG")
    lines.write(logging.DEBUG, "loud", NOON, dict)
    lines.close()

    assert [line["event"] for line in written(tmp_path)] == ["loud"]


def test_without_a_folder_it_is_on_standard_output(capsys):
    configure_logging(LogConfig())
    lines = BatchedLines("app")
    lines.write(logging.INFO, "request", NOON, dict)
    lines.close()

    assert json.loads(capsys.readouterr().out)["time"] == "2026-07-01T12:00:00Z"


def test_a_full_disk_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    configure_logging(LogConfig(folder=tmp_path, keep_days=9))
    (tmp_path / "app_20260701.log").symlink_to("/dev/full")
    lines = BatchedLines("app")
    lines.write(logging.INFO, "lost", NOON, dict)
    lines.write(logging.INFO, "kept", NOON + 86_400, dict)
    lines.close()
    (tmp_path / "app_20260701.log").unlink()

    assert [line["event"] for line in written(tmp_path)] == ["kept"]


@pytest.mark.parametrize("name", LOGGERS)
def test_any_of_our_loggers_may_have_them(tmp_path, name):
    configure_logging(LogConfig(folder=tmp_path))
    lines = BatchedLines(name)
    lines.write(logging.INFO, "over", NOON, dict)
    lines.close()

    assert (tmp_path / f"{name}_20260701.log").exists()


def test_a_line_that_cannot_be_said_is_counted_and_stops_no_other(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))
    lines = BatchedLines("app")
    lines.write(logging.INFO, "broken", NOON, lambda: {"x": 1 / 0})
    lines.write(logging.INFO, "whole", NOON, dict)
    lines.close()

    assert [line["event"] for line in written(tmp_path)] == ["whole"]
    assert lines.lost == 1
