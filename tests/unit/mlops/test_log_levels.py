"""Levels of loggers that are changed in a process while it runs."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys

import pytest

from mlops import log_levels
from mlops.logging_config import LOGGERS, LogConfig, configure_logging

WATCHED = ("app", "mlops", "monitoring", "httpx")
OWN = ["INFO", "INFO", "ERROR", "WARNING"]


def levels():
    return [logging.getLevelName(logging.getLogger(name).level) for name in WATCHED]


@pytest.fixture
def listening(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = signal.getsignal(signal.SIGUSR1)
    config = LogConfig(folder=tmp_path / "logs", levels={"monitoring": "ERROR", "httpx": "WARNING"})
    configure_logging(config)
    log_levels.listen(config)
    yield os.getpid()
    signal.signal(signal.SIGUSR1, before)


def said(tmp_path):
    (file,) = (tmp_path / "logs").glob("app_*.log")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_signal_makes_our_loggers_loud_and_another_quiet_again(listening):
    os.kill(listening, signal.SIGUSR1)
    assert levels() == ["DEBUG", "DEBUG", "DEBUG", "WARNING"]
    os.kill(listening, signal.SIGUSR1)
    assert levels() == OWN


def test_a_single_logger_is_told_and_without_words_all_have_their_own_again(listening, tmp_path):
    assert log_levels.main([str(listening), "mlops=debug", "httpx=ERROR"]) == 0
    assert levels() == ["INFO", "DEBUG", "ERROR", "ERROR"]
    assert log_levels.main([str(listening), "app=WARNING"]) == 0
    assert levels() == ["WARNING", "INFO", "ERROR", "WARNING"], "those of before are over"
    assert log_levels.main([str(listening)]) == 0
    assert levels() == OWN
    assert [line["levels"] for line in said(tmp_path)] == [{"mlops": "DEBUG", "httpx": "ERROR"}, {"app": "WARNING"}, {}]
    assert not list(tmp_path.glob("*.levels*")), "what was said is gone"


def test_after_a_single_one_a_signal_brings_them_back(listening):
    log_levels.tell(listening, {"mlops": "DEBUG"})
    os.kill(listening, signal.SIGUSR1)
    assert levels() == OWN


@pytest.mark.parametrize("content", ["{", "[]", '{"mlops": "LOUD"}', '{"": "DEBUG"}', '{"mlops": 10}'])
def test_a_file_that_makes_no_sense_changes_nothing_and_is_told_of(listening, tmp_path, content):
    (tmp_path / f"recipe-recommender-{listening}.levels").write_text(content)
    os.kill(listening, signal.SIGUSR1)
    assert levels() == OWN
    assert said(tmp_path)[-1]["event"] == "levels of loggers stay as they are"


def test_a_link_to_another_file_is_not_followed(listening, tmp_path):
    (tmp_path / "elsewhere").write_text('{"mlops": "DEBUG"}')
    (tmp_path / f"recipe-recommender-{listening}.levels").symlink_to(tmp_path / "elsewhere")
    os.kill(listening, signal.SIGUSR1)
    assert levels() == OWN
    assert (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("words", [[], ["me"], ["1", "mlops"], ["1", "mlops=LOUD"], ["1", "=DEBUG"]])
def test_words_that_make_no_sense_are_told_of(words, capsys):
    assert log_levels.main(words) == 2
    assert "LOGGER=LEVEL" in capsys.readouterr().err


def test_a_process_that_does_not_listen_lives_on(tmp_path, monkeypatch, capsys):
    """The signal ends a process that does not catch it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert log_levels.main([str(other.pid), *(f"{name}=DEBUG" for name in LOGGERS)]) == 2
        assert "listens" in capsys.readouterr().err
        other.communicate(b"\n")
        assert other.returncode == 0
    assert log_levels.main([str(other.pid), "app=DEBUG"]) == 2, "nor one that is gone"
    assert not list(tmp_path.iterdir())
