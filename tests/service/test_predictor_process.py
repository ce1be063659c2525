"""The life of a predictor process: starting, loading, failing, stopping."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from mlops.kernel.library import kernel, processors
from tests.builders.predictor_process import ROOT, free_ports, predictor_process

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]

HEAVY = {"torch", "sentence_transformers", "transformers", "mlflow"}
# Lighter, and each some hundredths of a second of a start: for terminals, for a float graph, for a client of Kubernetes.
NEEDLESS = {"rich", "onnxruntime", "urllib3"}

QUERY = {"name": "query", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"soup"]}}


def top_level(modules):
    return {name.partition(".")[0] for name in modules}


def test_it_listens_while_it_loads_and_says_that_it_is_not_ready(tmp_path):
    with predictor_process(tmp_path, FAKE_LOAD_SECONDS="15") as predictor:
        predictor.wait_until_listening()

        paths = ("/v2/health/ready", "/v2/models/recipes/ready", "/v1/models/recipes", "/health")
        assert [predictor.get(path).status_code for path in paths] == [503] * 4
        assert predictor.get("/v2/health/live").status_code == 200
        refused = predictor.recommend("soup")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        with grpc.insecure_channel(f"127.0.0.1:{predictor.grpc_port}") as channel:
            stub = GRPCInferenceServiceStub(channel)
            assert not stub.ServerReady(pb.ServerReadyRequest()).ready
            assert not stub.ModelReady(pb.ModelReadyRequest(name="recipes")).ready
            with pytest.raises(grpc.RpcError) as unavailable:
                stub.ModelInfer(pb.ModelInferRequest(model_name="recipes", inputs=[QUERY]))
        assert unavailable.value.code() is grpc.StatusCode.UNAVAILABLE

        predictor.wait_until_ready()
        assert [predictor.get(path).status_code for path in paths] == [200] * 4
        assert "Traceback" not in predictor.log.read_text(encoding="utf-8")


def test_a_model_that_cannot_be_loaded_ends_the_process_by_1_and_says_why(tmp_path):
    with predictor_process(tmp_path, FAKE_LOAD_FAILS="1") as predictor:
        code = predictor.process.wait(timeout=120)
        (line,) = predictor.lines("cannot load the model")

    assert code == 1
    assert "sha256 is ab12" in line["reason"]
    assert line["hint"] == "fetch the artefact again"


def test_a_model_that_fails_late_ends_the_process_by_1(tmp_path):
    with predictor_process(tmp_path, FAKE_LOAD_FAILS="1", FAKE_LOAD_SECONDS="12") as predictor:
        predictor.wait_until_listening()

        assert predictor.process.wait(timeout=120) == 1


def test_asked_to_stop_it_answers_what_is_under_way_and_ends_by_0(tmp_path):
    modules = tmp_path / "modules"
    with predictor_process(tmp_path, FAKE_MODULES=str(modules)) as predictor:
        predictor.wait_until_ready()
        answers = []
        under_way = threading.Thread(target=lambda: answers.append(predictor.recommend("sleep 2")))
        under_way.start()
        time.sleep(0.5)

        predictor.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", predictor.http_port), timeout=5)
        under_way.join()
        code = predictor.process.wait(timeout=30)

    assert ([answer.status_code for answer in answers], code) == ([200], 0)
    served = top_level(modules.read_text(encoding="utf-8").split())
    assert {"kserve", "fastapi"} <= served
    assert not HEAVY & served


@pytest.mark.skipif(
    kernel() is None or sys.platform != "linux" or processors() == 1,
    reason="no kernel here, no /proc, or one processor that nobody can help",
)
@pytest.mark.parametrize(("workers", "companions"), [("1", 0), ("2", 1)])
def test_where_several_threads_answer_one_more_helps_who_is_alone_and_stands_back_as_they_do(
    tmp_path, workers, companions
):
    with predictor_process(tmp_path, "--workers", workers) as predictor:
        predictor.wait_until_ready()
        assert predictor.recommend("soup").status_code == 200
        tasks = Path(f"/proc/{predictor.process.pid}/task").iterdir()
        helping = [int(task.name) for task in tasks if (task / "comm").read_text() == "companion\n"]
        places = [os.getpriority(os.PRIO_PROCESS, each) for each in helping]
        its_own = os.getpriority(os.PRIO_PROCESS, predictor.process.pid)

    assert places == [min(its_own + 5, 19)] * companions


def test_asked_to_stop_before_it_serves_it_ends_by_0(tmp_path):
    with predictor_process(tmp_path, FAKE_LOAD_SECONDS="60") as predictor:
        end = time.monotonic() + 60
        while "starting" not in predictor.log.read_text(encoding="utf-8") and time.monotonic() < end:
            time.sleep(0.05)

        assert predictor.terminate() == 0


def test_interrupted_it_ends_by_0(tmp_path):
    with predictor_process(tmp_path) as predictor:
        predictor.wait_until_ready()
        predictor.process.send_signal(signal.SIGINT)

        assert predictor.process.wait(timeout=30) == 0


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with predictor_process(tmp_path, "--grpc-port", str(port)) as predictor:
            code = predictor.process.wait(timeout=120)
            (line,) = predictor.lines("cannot serve")

    assert code == 1
    assert str(port) in line["reason"]
    assert "--grpc-port" in line["hint"]


def test_logs_go_to_daily_files_in_a_folder(tmp_path):
    with predictor_process(tmp_path, "--log-folder", str(tmp_path / "logs"), "--grpc-port", "0") as predictor:
        predictor.wait_until_ready()
        predictor.recommend("soup")
        predictor.terminate()

    (path,) = (tmp_path / "logs").glob("app_????????.log")
    assert '"event":"request"' in path.read_text(encoding="utf-8")
    assert predictor.log.read_text(encoding="utf-8") == ""


def test_what_a_predictor_imports_is_light():
    """The real composition root and the real loader, without an artefact."""
    script = (
        "import sys\n"
        "from predictor.__main__ import main\n"
        "main(['--http-port', 'none'])\n"
        "import predictor.server, mlops.artifact.loader\n"
        "print(' '.join(sys.modules))"
    )  # fmt: skip

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not (HEAVY | NEEDLESS) & top_level(done.stdout.split())


SETTINGS = {
    "no artefact": ([], 2, "--artifact: Field required"),
    "a port that is none": (["--artifact", "x", "--http-port", "99999"], 2, "--http-port: Input should be less"),
    "an unknown flag": (["--artifact", "x", "--prot", "1"], 2, "unrecognized arguments: --prot"),
    "no such artefact": (["--artifact", "/nonexistent/artefact"], 1, "/nonexistent/artefact"),
}


@pytest.mark.parametrize(("flags", "code", "said"), SETTINGS.values(), ids=SETTINGS.keys())
def test_settings_that_are_wrong_are_named(flags, code, said):
    command = [sys.executable, "-m", "predictor", "--http-port", "18999", "--grpc-port", "0", *flags]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == code
    assert said in done.stdout + done.stderr


# What a signal comes just before: some of these had it lost, and the process stayed for ever, or crashed.
MOMENTS = {
    "there is a loop": "asyncio.Runner.__enter__",
    "uvicorn looks for signals": "kserve_server._BehindFrontDoor.create_application",
    "gRPC serves": "kserve_server._BoundGRPCServer.start",
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_a_signal_while_the_servers_start_ends_the_process(moment):
    http_port, grpc_port = free_ports()
    script = f"""
import asyncio, os, signal, sys
from predictor import kserve_server
owner, name = {moment.rpartition(".")[0]}, {moment.rpartition(".")[2]!r}
original = getattr(owner, name)
def signalled(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return original(*arguments)
setattr(owner, name, signalled)
from predictor.process import serve
from predictor.settings import Settings
sys.exit(serve(Settings(artifact="x", http_port={http_port}, grpc_port={grpc_port}), None))
"""

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
