"""A predictor that answers one recipe, as wrongly, as slowly and as readily as the stage tells.

It takes the product's arguments, and has the routes that the controller, its probes and Prometheus ask. Latencies are
counted as told and acted as a tenth: on a busy machine measured ones tell more of the machine than of the version.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from behaving.told import told
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from controller.cluster.measuring import METRIC
from mlops.artifact.manifest import read_manifest

PORT = 8080
BUCKETS = (0.01, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0)
EVERY_SECONDS = 0.5
ACTED = 0.1
ANSWER = json.dumps({"recipes": [{"id": "r-1", "title": "Soup"}]}).encode()


class Actor:
    """One version, its behaviour and its counters."""

    def __init__(self, model: str, version: str, digest: str) -> None:
        self.model, self.version, self._digest = model, version, digest
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            METRIC, "Told.", ("route", "status", "version"), buckets=BUCKETS, registry=self.registry
        )
        for status in ("200", "500"):  # increase() sees no event that a series appears with
            self._requests.labels("/recommend", status, version)
        self.told = told(model, version)
        self._owed = 0.0
        self._lock = threading.Lock()

    @property
    def digest(self) -> str:
        """What it says that it serves; artefacts that were exchanged under it have another."""
        return f"sha256:{'f' * 64}" if self.told["artifact"] == "swapped" else self._digest

    def listen(self) -> None:
        while True:
            try:
                self.told = told(self.model, self.version)
            except OSError as fault:
                print(f"the stage does not answer: {fault}", flush=True)  # noqa: T201 - the pod's log
            time.sleep(EVERY_SECONDS)

    def answer(self) -> int:
        """The status of one more request; every n-th fails."""
        behaviour = self.told
        time.sleep(behaviour["latency_ms"] * ACTED / 1000)
        with self._lock:
            self._owed += behaviour["error_rate"]
            status = 500 if self._owed >= 1 else 200
            self._owed -= self._owed >= 1
        self._requests.labels("/recommend", str(status), self.version).observe(behaviour["latency_ms"] / 1000)
        return status


def handler(actor: Actor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            match self.path:
                case "/health":
                    self._send(200, json.dumps({"model": {"version": actor.version, "digest": actor.digest}}).encode())
                case "/metrics":
                    self._send(200, generate_latest(actor.registry))
                case "/v2/health/live":
                    self._send(200, b"{}")
                case path if path == f"/v2/models/{actor.model}/ready":
                    self._send(200 if actor.told["starts"] else 503, b"{}")
                case _:
                    self._send(404, b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._send(actor.answer() if actor.told["starts"] else 503, ANSWER)

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.send_header("x-model-version", actor.version)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("artifact", "model-name", "digest"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    manifest = read_manifest(Path(given.artifact))
    if manifest.digest != given.digest:
        sys.exit(f"the artefact has {manifest.digest}, not {given.digest}")
    actor = Actor(given.model_name, manifest.version, manifest.digest)
    server = Server(("", PORT), handler(actor))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=actor.listen, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
