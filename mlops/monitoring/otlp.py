"""Where OpenTelemetry's own variables say that spans and metrics go: to a collector, over gRPC or HTTP, or nowhere."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter


class Signal(StrEnum):
    """What is sent, by its name in the variables."""

    TRACES = "TRACES"
    METRICS = "METRICS"


def wanted(signal: Signal, variables: Mapping[str, str]) -> bool:
    """Whether a collector is named and nothing says that it gets none.

    Without an endpoint nothing is sent, although the specification has a default: a laptop has no collector.
    """
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if variables.get(f"OTEL_{signal}_EXPORTER", "").strip() not in ("", "otlp"):
        return False
    return any(variables.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))


def name_service(variables: MutableMapping[str, str], name: str) -> None:
    """Have spans and metrics be sent as those of `name`, unless a variable says otherwise."""
    if "service.name=" not in variables.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        variables.setdefault("OTEL_SERVICE_NAME", name)


def over_grpc(signal: Signal, variables: Mapping[str, str]) -> bool:
    """Whether it goes over gRPC; HTTP with protobuf is the specification's default.

    Raises Permanent for a protocol that there is none of here.
    """
    names = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    name = next((name for name in names if variables.get(name)), names[-1])
    match variables.get(name, "").strip():
        case "grpc":
            return True
        case "" | "http/protobuf":
            return False
        case other:
            raise Permanent(f"{name} is {other!r}", hint="set it to grpc or to http/protobuf")


# Imported where something is sent: gRPC alone takes its time and some memory.


def span_exporter(variables: Mapping[str, str]) -> SpanExporter:
    """Return what sends spans; endpoint, headers, certificates and time-outs are its own variables."""
    if over_grpc(Signal.TRACES, variables):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc  # noqa: PLC0415

        return Grpc()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http  # noqa: PLC0415

    return Http()


def metric_exporter(variables: Mapping[str, str]) -> MetricExporter:
    """Return what sends metrics."""
    if over_grpc(Signal.METRICS, variables):
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc  # noqa: PLC0415

        return Grpc()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http  # noqa: PLC0415

    return Http()
