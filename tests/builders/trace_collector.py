"""A collector of spans and metrics: what is sent to it over HTTP, kept as it came."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Received:
    """What came, by signal."""

    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self.traces
            for each in request.resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]

    def trace_of(self, name: str, *, trace: bytes | None = None) -> dict[str, Any]:
        """The spans of the one trace that has a span of that name, by their names; the last of a name counts."""
        (found,) = {span.trace_id for span in self.spans if span.name == name and trace in (None, span.trace_id)}
        return {span.name: span for span in self.spans if span.trace_id == found}

    @property
    def services(self) -> set[str]:
        """Names of the services that sent anything."""
        sent = [each for request in self.traces for each in request.resource_spans]
        sent += [each for request in self.metrics for each in request.resource_metrics]
        return {
            each.value.string_value
            for resource in sent
            for each in resource.resource.attributes
            if each.key == "service.name"
        }

    @property
    def newest_metrics(self) -> dict[str, Any]:
        """The last of each metric, by name."""
        return {
            metric.name: metric
            for request in self.metrics
            for each in request.resource_metrics
            for scope in each.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def trace_collector() -> Iterator[tuple[str, Received]]:
    """Yield its address, and what it received."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics":
                received.metrics.append(ExportMetricsServiceRequest.FromString(body))
            elif self.path == "/v1/traces":
                received.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
