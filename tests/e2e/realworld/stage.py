"""What pods of a scenario ask: how to behave; and MLflow and Prometheus, which it is between, to have them fail for one model.

It listens on this machine, and pods find it as the Service `stage`. What it hands on is not touched but where a scenario
says so; then only what names that model meets the fault.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import asdict, replace
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote_plus, urlencode

from tests.cluster.control_plane import free_ports
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable

TOLD, METRICS, REGISTRY = 8080, 9090, 5000
_SECONDS = 60.0
# Of one hop alone, or measured anew.
_NOT_HANDED_ON = {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "accept-encoding"}


class Fault(Exception):  # noqa: N818 - a state, said in words
    """Nobody is there for this request."""


class Stage:
    """Behaviours and faults by model. Threads share it."""

    def __init__(self, address: str, *, prometheus: str, registry: str) -> None:
        self.address = address
        self.ports = dict(zip((TOLD, METRICS, REGISTRY), free_ports(3), strict=True))
        self._behaviours: dict[tuple[str, str], Behaviour] = {}
        self._full: dict[str, str] = {}
        self._faults: dict[tuple[str, int], tuple[str, float]] = {}
        self._lock = Lock()
        handlers = {
            TOLD: _telling(self),
            METRICS: _between(prometheus, self._asks),
            REGISTRY: _between(registry, self._keeps),
        }
        self._servers = [_Server((address, self.ports[port]), each) for port, each in handlers.items()]

    def __enter__(self) -> Self:
        for server in self._servers:
            Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def behave(self, model: str, version: str, behaviour: Behaviour) -> None:
        """From now on the version does so."""
        with self._lock:
            self._behaviours[model, version] = behaviour

    def answers_all(self, model: str, version: str) -> None:
        """Who has all users of a model, for those that do otherwise then; empty for nobody."""
        with self._lock:
            self._full[model] = version

    def told(self, model: str, version: str) -> dict[str, Any]:
        """What a pod is told."""
        with self._lock:
            behaviour = self._behaviours.get((model, version), Behaviour())
            if behaviour.error_rate_in_production is not None and self._full.get(model) == version:
                behaviour = replace(behaviour, error_rate=behaviour.error_rate_in_production)
        return asdict(behaviour)

    def fail(self, model: str, what: int, how: str) -> None:
        """Have METRICS or REGISTRY be `down` for a model, say `nan`, be `stale` from now on, or be `up`."""
        with self._lock:
            self._faults[model, what] = (how, time.time())

    def manifests(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The Service by which pods find it, and where that leads."""
        names = {TOLD: "told", METRICS: "prometheus", REGISTRY: "mlflow"}
        service = {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "stage"},
            "spec": {"ports": [{"name": names[port], "port": port, "targetPort": there} for port, there in self.ports.items()]},
        }  # fmt: skip
        ends = {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "stage-1", "labels": {"kubernetes.io/service-name": "stage"}},
            "ports": [{"name": names[port], "port": there} for port, there in self.ports.items()],
            "endpoints": [{"addresses": [self.address], "conditions": {"ready": True}}],
        }  # fmt: skip
        return service, ends

    def _fault(self, what: int, text: str) -> tuple[str, float]:
        with self._lock:
            failing = [(model, fault) for (model, kind), fault in self._faults.items() if kind == what]
        named = unquote_plus(text)
        return next((fault for model, fault in failing if re.search(rf"\b{model}\b", named)), ("up", 0.0))

    def _keeps(self, path: str, body: bytes, send: Callable[[bytes], bytes]) -> bytes:
        how, _ = self._fault(REGISTRY, path + body.decode("utf-8", "replace"))
        if how == "down":
            raise Fault
        return send(body)

    def _asks(self, path: str, body: bytes, send: Callable[[bytes], bytes]) -> bytes:
        how, since = self._fault(METRICS, path + body.decode())
        if how == "down":
            raise Fault
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if how == "stale":  # as one that takes in nothing new
            return send(urlencode(asked | {"time": f"{since:.3f}"}).encode())
        answer = send(body)
        is_value = "histogram_quantile" in asked.get("query", "") or " / " in asked.get("query", "")
        return (
            re.sub(rb'"value":\[([0-9.]+),"[^"]*"\]', rb'"value":[\1,"NaN"]', answer)
            if how == "nan" and is_value
            else answer
        )


def _telling(stage: Stage) -> type[BaseHTTPRequestHandler]:
    class Telling(_Quiet):
        def do_GET(self) -> None:
            _, model, version = self.path.split("/")
            self.give(200, {"content-type": "application/json"}, json.dumps(stage.told(model, version)).encode())

    return Telling


def _between(
    upstream: str, look: Callable[[str, bytes, Callable[[bytes], bytes]], bytes]
) -> type[BaseHTTPRequestHandler]:
    """Hand requests on to HOST:PORT, each client's over a connection of its own."""

    class Between(_Quiet):
        def setup(self) -> None:
            super().setup()
            self._upstream = HTTPConnection(upstream, timeout=_SECONDS)

        def finish(self) -> None:
            self._upstream.close()
            super().finish()

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_HANDED_ON}
            got: dict[str, Any] = {}

            def send(changed: bytes) -> bytes:
                self._upstream.request(self.command, self.path, changed, headers)
                answer = self._upstream.getresponse()
                got.update(status=answer.status, headers=dict(answer.getheaders()))
                return answer.read()

            try:
                answered = look(self.path, body, send)
            except (Fault, OSError, HTTPException):  # the client meets what it would without us: nobody there
                self._upstream.close()
                self.close_connection = True
                return
            kept = {name: value for name, value in got["headers"].items() if name.lower() not in _NOT_HANDED_ON}
            self.give(got["status"], kept, answered)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _hand_on  # noqa: N815 - as the library calls them

    return Between


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A pod that ended, or would not wait, is none of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def give(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return
