"""A predictor's spans and metrics through a real OpenTelemetry Collector, over both protocols."""

from __future__ import annotations

import pytest

from tests.builders.predictor_process import predictor_process
from tests.builders.trace_collector import trace_collector
from tests.cluster.otel_collector import built, running
from tests.cluster.toolchain import NotBuilt

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def collector(tmp_path):
    """A collector, and what came out of it."""
    try:
        built()
    except NotBuilt as absent:
        pytest.skip(str(absent))
    with trace_collector() as (url, received), running(tmp_path, url) as collecting:
        yield collecting, received


def asked(tmp_path, **variables):
    """What a predictor says of itself on a scrape, after one question of a caller who traces and one who does not."""
    with predictor_process(tmp_path, "--grpc-port", "0", OTEL_SERVICE_NAME="recipes", **variables) as predictor:
        predictor.wait_until_ready()
        predictor.post("/recommend", {"query": "soup"}, headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        predictor.post("/recommend", {"query": "stew"}, headers={"traceparent": f"00-{'1' * 32}-b7ad6b7169203331-00"})
        scraped = predictor.get("/metrics").text
        assert predictor.terminate() == 0
    return scraped


REQUEST = ["POST /recommend", "translate", "embed", "search", "rank", "assemble"]


def test_over_grpc_spans_and_metrics_of_a_predictor_reach_a_collector(tmp_path, collector):
    collecting, received = collector
    scraped = asked(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collecting.grpc, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")

    assert received.services == {"recipes"}
    assert {span.trace_id.hex() for span in received.spans} == {TRACE}, "whose caller did not trace it is not traced"
    assert [span.name for span in received.spans] == REQUEST
    metrics = received.newest_metrics
    (series,) = [
        point
        for point in metrics["recipes_request_duration_seconds"].histogram.data_points
        if ("route", "/recommend") in {(each.key, each.value.string_value) for each in point.attributes} and point.count
    ]
    labels = {each.key: each.value.string_value for each in series.attributes}
    assert (labels["status"], labels["version"], series.count, sum(series.bucket_counts)) == ("200", "1.0.0", 2, 2)
    assert len(series.bucket_counts) == len(series.explicit_bounds) + 1
    assert f'recipes_request_duration_seconds_sum{{route="/recommend",status="200",version="1.0.0"}} {series.sum}' in (
        scraped
    )
    shown = {line.split("{")[0].split(" ")[0] for line in scraped.splitlines() if line.startswith("recipes_")}
    shown = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in shown}
    created = {name for name in shown if name.endswith("_created")}
    assert shown - created <= metrics.keys(), "one catalogue, whoever reads it"


def test_over_http_too_and_the_standard_variables_say_what_is_sampled(tmp_path, collector):
    collecting, received = collector
    asked(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collecting.http, OTEL_TRACES_SAMPLER="always_on")

    assert [span.name for span in received.spans] == REQUEST * 2
    assert received.newest_metrics["recipes_request_duration_seconds"].histogram.data_points
