"""Logs as JSON lines, in daily files or on standard output."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import UTC, datetime

import pytest
import structlog

from mlops.logging_config import LOGGERS, DailyFileHandler, LogConfig, configure_logging

TODAY = f"{datetime.now(UTC):%Y%m%d}"  # noqa: TID251 - what the handler names files by


@pytest.fixture(autouse=True)
def logging_as_before():
    """`configure_logging` changes the whole process; pytest's own handlers come back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    for name in (*LOGGERS, "noisy", "httpx"):
        logger = logging.getLogger(name)
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate, logger.level = [], True, logging.NOTSET
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level


def lines(folder, name):
    return [json.loads(line) for line in (folder / f"{name}_{TODAY}.log").read_text().splitlines()]


@pytest.mark.parametrize("name", LOGGERS)
def test_each_logger_has_its_own_daily_file(tmp_path, name):
    configure_logging(LogConfig(folder=tmp_path))

    structlog.stdlib.get_logger(name).info("trained", recipes=3)

    (line,) = lines(tmp_path, name)
    assert (line["event"], line["recipes"], line["logger"], line["level"]) == ("trained", 3, name, "info")
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_without_a_folder_lines_go_to_standard_output(capsys):
    configure_logging(LogConfig())

    structlog.stdlib.get_logger("app").info("hello")

    assert json.loads(capsys.readouterr().out)["event"] == "hello"


def test_other_libraries_and_warnings_are_json_in_the_file_of_app(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))

    logging.getLogger("some.library").warning("took %d s", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=True)
        warnings.warn("old", UserWarning, stacklevel=1)

    first, second = lines(tmp_path, "app")
    assert (first["event"], first["logger"]) == ("took 3 s", "some.library")
    assert (second["logger"], "old" in second["event"]) == ("py.warnings", True)


def test_levels_are_per_logger(tmp_path):
    configure_logging(LogConfig(folder=tmp_path, level="WARNING", levels={"mlops": "DEBUG", "noisy": "ERROR"}))

    structlog.stdlib.get_logger("app").info("dropped")
    structlog.stdlib.get_logger("mlops").debug("kept")
    logging.getLogger("noisy").warning("dropped")
    logging.getLogger("noisy").error("kept")

    assert [line["event"] for line in lines(tmp_path, "mlops")] == ["kept"]
    assert [line["event"] for line in lines(tmp_path, "app")] == ["kept"]


def test_context_is_on_every_line(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))

    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.stdlib.get_logger("app").bind(model="recipes").info("one")
        logging.getLogger("some.library").warning("two")

    assert [line["request_id"] for line in lines(tmp_path, "app")] == ["r-1", "r-1"]


def test_exceptions_are_structured_and_without_the_values_of_variables(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))
    user_typed = "a very private diet"

    try:
        {}[len(user_typed)]
    except KeyError:
        structlog.stdlib.get_logger("app").exception("failed")

    (line,) = lines(tmp_path, "app")
    assert line["exception"][0]["exc_type"] == "KeyError"
    assert "private" not in json.dumps(line)


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_what_users_typed_and_secrets_are_hidden(tmp_path, level):
    configure_logging(LogConfig(folder=tmp_path))

    getattr(structlog.stdlib.get_logger("app"), level)("asked", query="my diet", token="abc", user_id="jane")  # noqa: S106

    (line,) = lines(tmp_path, "app")
    assert (line["query"], line["token"], line["user_id"]) == ("[hidden]", "[hidden]", "[hidden]")


def test_at_debug_the_query_is_shown(tmp_path):
    configure_logging(LogConfig(folder=tmp_path, level="DEBUG"))

    structlog.stdlib.get_logger("app").debug("asked", query="my diet")

    assert lines(tmp_path, "app")[0]["query"] == "my diet"


def test_what_is_no_json_is_written_as_text(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))

    for value in (tmp_path, float("nan"), "a\nb\ud800", 1 << 80, {1, 2}, b"\xff"):
        structlog.stdlib.get_logger("app").info("odd", value=value)

    assert [line["value"] for line in lines(tmp_path, "app")] == [
        str(tmp_path), None, "a\nb\ud800", 1 << 80, "{1, 2}", "b'\\xff'",
    ]  # fmt: skip


def a_record(day, text="x"):
    record = logging.LogRecord("app", logging.INFO, __file__, 1, text, (), None)
    record.created = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
    return record


def test_a_new_day_begins_a_new_file_and_old_ones_go(tmp_path):
    handler = DailyFileHandler(tmp_path, "app", keep_days=2)
    for name in ("mlops_20260101.log", "app_notes.log"):
        (tmp_path / name).touch()

    for day in ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"):
        handler.emit(a_record(day))
    handler.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "app_20260102.log", "app_20260103.log", "app_20260104.log", "app_notes.log", "mlops_20260101.log",
    ]  # fmt: skip


def test_a_full_disk_does_not_stop_the_program(tmp_path, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    (tmp_path / "app_20260101.log").symlink_to("/dev/full")
    handler = DailyFileHandler(tmp_path, "app", keep_days=2)

    handler.emit(a_record("2026-01-01"))

    (tmp_path / "app_20260101.log").unlink()
    handler.emit(a_record("2026-01-02"))
    handler.close()
    assert (tmp_path / "app_20260102.log").read_text() == "x\n"


def test_configured_twice_each_line_is_written_once(tmp_path):
    configure_logging(LogConfig(folder=tmp_path))
    configure_logging(LogConfig(folder=tmp_path))

    structlog.stdlib.get_logger("app").info("once")

    assert len(lines(tmp_path, "app")) == 1
