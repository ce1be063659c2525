"""An MLflow server as a child process: `recipes up` and the tests run the same command.

MLflow 3.17 by default starts four web workers and a job runner with seven queues, and reports its use to its makers:
sixteen processes, 1.5 GB, over a minute on two cores, and queues that outlive a stop. One worker and no jobs are two
processes with 0.45 GB that are ready in a third of the time; nothing in this product uses what is left out.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self

import httpx

from mlops.errors import Conflict, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
_PATIENCE = 180.0
_GRACE = 15.0
_INTERVAL = 0.2
_LOG_TAIL = 2000


def server_command(home: Path, port: int) -> list[str]:
    """The server over the database and the artefacts in `home`, reachable from this machine only.

    Run it with `server_environment`, and hold its standard input: see `mlops.registry.mlflow_server`.
    """
    return [
        *(sys.executable, "-m", "mlops.registry.mlflow_server", "server"),
        *("--backend-store-uri", f"sqlite:///{home.resolve() / 'mlflow.db'}"),
        *("--default-artifact-root", artifact_folder(home).as_uri()),
        # Whoever is on this machine reads and links the files themselves.
        "--no-serve-artifacts",
        *("--host", HOST, "--port", str(port), "--workers", "1"),
        *("--uvicorn-opts", "--no-access-log"),
    ]


def artifact_folder(home: Path) -> Path:
    """Where artefacts are kept in `home`."""
    return home.resolve() / "mlartifacts"


def server_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited`, with what keeps the server small and quiet; MLflow has no flags for these."""
    return {
        **inherited,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def open_server(home: Path, port: int, environment: Mapping[str, str]) -> RegistryServer:
    """The server of `home`, not started yet; its log goes to `home/logs/mlflow.log`."""
    artifact_folder(home).mkdir(parents=True, exist_ok=True)
    return RegistryServer(server_command(home, port), port, home / "logs" / "mlflow.log", environment)


class RegistryServer:
    """Starts `command`, waits until it answers on `port`, and stops it with all it started.

    It also ends by itself when this process dies, however that happens. Use it in `with`, or call `stop`.
    """

    def __init__(self, command: Sequence[str], port: int, log_file: Path, environment: Mapping[str, str]) -> None:
        self.url = f"http://{HOST}:{port}"
        self._command = command
        self._port = port
        self._log_file = log_file
        self._environment = server_environment(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, progress: Callable[[float], None], *, patience: float = _PATIENCE) -> None:
        """Start and wait until it is healthy, telling `progress` the seconds that have passed.

        Raises Conflict when something else listens on the port, Permanent with the end of the log when the server
        ends, Transient when it does not answer within `patience` seconds.
        """
        if _listening(self._port):
            raise Conflict(f"port {self._port} is taken", hint="stop what listens there, or set RECIPES_MLFLOW_PORT")
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            process = self._process = self._spawn(log)
        try:
            self._await_health(process, progress, patience)
        except BaseException:
            self.stop()
            raise

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own words
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for us: the server is stopped last, so that what is under way is recorded.
            start_new_session=True,
        )

    def _await_health(
        self, process: subprocess.Popen[bytes], progress: Callable[[float], None], patience: float
    ) -> None:
        started = time.monotonic()
        with httpx.Client(base_url=self.url, timeout=2) as client:
            while (waited := time.monotonic() - started) < patience:
                progress(waited)
                if process.poll() is not None:
                    raise Permanent(
                        f"the MLflow server ended with code {process.returncode}: {self._last_words()}",
                        hint=f"look at {self._log_file}",
                    )
                with suppress(httpx.TransportError):  # not yet: asked again until patience ends
                    if client.get("/health").is_success:
                        return
                time.sleep(_INTERVAL)
        raise Transient(f"the MLflow server did not answer within {patience:.0f} s", hint=f"look at {self._log_file}")

    def _last_words(self) -> str:
        text = self._log_file.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
        return text.rpartition("\n")[2] or "it wrote no log"

    @property
    def pid(self) -> int | None:
        """The server's process, which leads a group of its own; None when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def stop(self) -> None:
        """End the server gently, then by force; harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):  # force follows either way
            process.wait(_GRACE)
        with suppress(ProcessLookupError):  # the whole group is gone, as it should be
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
