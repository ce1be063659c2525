"""The trace that a caller began goes on in a predictor process, and is in its log; a collector that is down costs nobody."""

from __future__ import annotations

import time

import pytest

from tests.builders.predictor_process import predictor_process
from tests.builders.trace_collector import trace_collector

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def test_a_request_is_a_span_of_its_callers_trace_with_its_phases_below(tmp_path):
    with trace_collector() as (url, received):
        with predictor_process(
            tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SERVICE_NAME="recipes", OTEL_BSP_SCHEDULE_DELAY="100"
        ) as predictor:
            predictor.wait_until_ready()
            predictor.post("/recommend", {"query": "soup"}, headers=CALLER)
            predictor.post("/recommend", {"query": "boom"}, headers=CALLER)
            predictor.terminate()
            lines = predictor.lines("request")
        request = received.traces[0]

    named = {each.key: each.value.string_value for each in request.resource_spans[0].resource.attributes}
    assert named["service.name"] == "recipes"
    spans = received.spans
    answered, failed = [span for span in spans if span.name == "POST /recommend"]
    assert {span.trace_id.hex() for span in spans} == {TRACE}, "nothing else was traced: no probe, no scrape"
    assert answered.parent_span_id.hex() == PARENT
    below = [span for span in spans if span.parent_span_id == answered.span_id]
    assert [span.name for span in below] == ["translate", "embed", "search", "rank", "assemble"]
    assert below[-1].end_time_unix_nano == answered.end_time_unix_nano
    assert (answered.status.code, failed.status.code) == (0, 2)
    said = [line for line in lines if line["route"] == "/recommend"]
    assert [(line["trace_id"], line["span_id"]) for line in said] == [
        (TRACE, answered.span_id.hex()), (TRACE, failed.span_id.hex()),
    ]  # fmt: skip


def test_without_a_collector_the_log_knows_the_callers_trace(tmp_path):
    with predictor_process(tmp_path, "--grpc-port", "0") as predictor:
        predictor.wait_until_ready()
        predictor.post("/recommend", {"query": "soup"}, headers=CALLER)
        predictor.post("/recommend", {"query": "soup"})
        predictor.terminate()
        told, untold = [line for line in predictor.lines("request") if line["route"] == "/recommend"]

    assert (told["trace_id"], told["span_id"]) == (TRACE, PARENT)
    assert "trace_id" not in untold


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_is_down_holds_up_nobody(tmp_path, protocol):
    with predictor_process(
        tmp_path,
        "--grpc-port",
        "0",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_METRIC_EXPORT_INTERVAL="200",
    ) as predictor:
        predictor.wait_until_ready()
        taken = []
        for _ in range(50):
            began = time.perf_counter()
            assert predictor.recommend("soup").status_code == 200
            taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert predictor.terminate() == 0
        assert time.perf_counter() - began < 30, "what cannot be sent does not keep it from ending"
    assert sorted(taken)[25] < 0.5
