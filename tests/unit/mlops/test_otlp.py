"""What OpenTelemetry's variables mean here, and a Prometheus registry as its collector reads it."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from mlops.errors import Permanent
from mlops.monitoring.otlp import Signal, over_grpc, wanted
from mlops.monitoring.otlp_metrics import metrics_data

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
WANTED = {
    "nothing is set": ({}, False, False),
    "an endpoint": (ENDPOINT, True, True),
    "an endpoint of traces": ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True, False),
    "no metrics": (ENDPOINT | {"OTEL_METRICS_EXPORTER": "none"}, True, False),
    "no traces": (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False, True),
    "otlp by name": (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp"}, True, True),
    "disabled": (ENDPOINT | {"OTEL_SDK_DISABLED": "True"}, False, False),
    "an empty endpoint": ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, False),
}


@pytest.mark.parametrize(("variables", "traces", "metrics"), WANTED.values(), ids=WANTED.keys())
def test_what_is_sent(variables, traces, metrics):
    assert (wanted(Signal.TRACES, variables), wanted(Signal.METRICS, variables)) == (traces, metrics)


PROTOCOLS = {
    "the default": ({}, False, False),
    "gRPC": ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True, True),
    "HTTP": ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, False, False),
    "metrics otherwise": (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}, True, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "traces", "metrics"), PROTOCOLS.values(), ids=PROTOCOLS.keys())
def test_over_which_protocol(variables, traces, metrics):
    assert (over_grpc(Signal.TRACES, variables), over_grpc(Signal.METRICS, variables)) == (traces, metrics)


def test_a_protocol_that_there_is_none_of_is_refused_by_the_name_of_its_variable():
    with pytest.raises(Permanent, match="OTEL_EXPORTER_OTLP_METRICS_PROTOCOL is 'http/json'"):
        over_grpc(Signal.METRICS, {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"})


def test_each_kind_of_metric_is_what_a_scrape_shows():
    registry = CollectorRegistry()
    Counter("asked", "Questions.", ("kind",), registry=registry).labels("a").inc(3)
    Gauge("inside", "Requests.", registry=registry).set(2)
    Summary("took", "Seconds.", registry=registry).observe(1.5)
    histogram = Histogram("waited", "Seconds.", ("route",), buckets=(1, 2), registry=registry)
    for seconds in (0.5, 1.5, 1.7, 9):
        histogram.labels("/x").observe(seconds)

    sent = encode_metrics(metrics_data(registry.collect(), since=100.0, now=160.0))
    found = {metric.name: metric for metric in sent.resource_metrics[0].scope_metrics[0].metrics}

    assert found.keys() == {"asked_total", "inside", "took_count", "took_sum", "waited"}
    (asked,) = found["asked_total"].sum.data_points
    assert (asked.as_double, asked.attributes[0].value.string_value) == (3, "a")
    assert found["asked_total"].sum.is_monotonic
    assert found["inside"].gauge.data_points[0].as_double == 2
    assert found["took_sum"].sum.data_points[0].as_double == 1.5
    (waited,) = found["waited"].histogram.data_points
    assert (list(waited.explicit_bounds), list(waited.bucket_counts)) == ([1, 2], [1, 2, 1])
    assert (waited.count, waited.sum) == (4, 12.7)
    assert not waited.HasField("min"), "nobody knows the least"
    assert (waited.start_time_unix_nano, waited.time_unix_nano) == (100 * 10**9, 160 * 10**9)
