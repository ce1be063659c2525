"""The MLflow server as a child process: how it starts, how it fails, and that it never outlives us."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from mlops.errors import Conflict, Permanent, Transient
from mlops.registry.server import RegistryServer, free_port, open_server, server_command, server_environment

pytestmark = pytest.mark.service

# Started by `recipes up`'s stand-in, which is killed in the middle.
OWNER = """
import os, sys, time
from pathlib import Path
from mlops.registry.server import open_server
server = open_server(Path(sys.argv[1]), int(sys.argv[2]), os.environ)
server.start(lambda waited: None)
print(server.pid, server.url, flush=True)
time.sleep(600)
"""


def run_python(code, port, log_file):
    return RegistryServer([sys.executable, "-c", code], port, log_file, os.environ)


def gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_a_taken_port_is_named_before_anything_starts(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = open_server(tmp_path, port, os.environ)
        with pytest.raises(Conflict, match=f"port {port} is taken"):
            server.start(lambda _: None)
    assert server.pid is None


def test_a_server_that_ends_is_quoted(tmp_path):
    server = run_python(
        "print('starting'); raise SystemExit('no such table: experiments')", free_port(), tmp_path / "log"
    )
    with pytest.raises(Permanent, match="ended with code 1: no such table: experiments"):
        server.start(lambda _: None)
    assert server.pid is None


def test_a_server_that_does_not_answer_is_stopped(tmp_path):
    waited, groups = [], []
    server = run_python("import time; time.sleep(600)", free_port(), tmp_path / "log")

    def progress(seconds):
        waited.append(seconds)
        groups.append(server.pid)

    with pytest.raises(Transient, match="did not answer within 1 s"):
        server.start(progress, patience=1)
    assert waited == sorted(waited)
    assert len(waited) > 1
    assert gone(groups[0])


def test_stopping_what_does_not_run_is_harmless(tmp_path):
    server = open_server(tmp_path, free_port(), os.environ)
    server.stop()
    server.stop()


@pytest.mark.timeout(300)
def test_the_server_dies_with_an_owner_that_was_killed(tmp_path):
    port = free_port()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "a home"), str(port)], stdout=subprocess.PIPE, text=True
    )
    try:
        pid, url = owner.stdout.readline().split()
        answer = httpx.get(f"{url}/api/2.0/mlflow/registered-models/search", timeout=30)
        assert (answer.status_code, answer.json()) == (200, {})
        assert (tmp_path / "a home" / "mlflow.db").exists()
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
    assert wait_until(lambda: gone(int(pid)), 30)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_the_command_is_the_whole_truth_about_where_things_are(tmp_path):
    command = server_command(tmp_path, 5000)
    assert f"sqlite:///{tmp_path}/mlflow.db" in command
    assert (tmp_path / "mlartifacts").as_uri() in command
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert not (tmp_path / "mlartifacts").exists()


def test_the_environment_switches_off_jobs_and_reports():
    environment = server_environment({"PATH": "/bin", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"})
    assert environment["PATH"] == "/bin"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
