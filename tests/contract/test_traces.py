"""Spans as an OpenTelemetry collector receives them: over HTTP, by the real exporter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from controller.otlp import Traces
from controller.spans import Span
from tests.builders.trace_collector import trace_collector

pytestmark = pytest.mark.contract

START = datetime(2026, 7, 1, tzinfo=UTC)
WHOLE = Span(
    trace=2**100 + 1, id=7, parent=None, name="rollout of recipes 1.0.0", start=START,
    end=START + timedelta(hours=2), failed=True, attributes={"recipes.reason": "GateFailed"},
    link="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)  # fmt: skip
WAIT = Span(
    trace=2**100 + 1, id=8, parent=7, name="AwaitingApproval", start=START, end=START + timedelta(hours=1),
    attributes={"recipes.weight": 20},
)  # fmt: skip


@pytest.fixture
def collector():
    with trace_collector() as collecting:
        yield collecting


def test_a_rollout_and_its_waits_arrive_as_one_trace(collector, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "recipe-recommender-controller")
    endpoint, received = collector
    traces = Traces(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    traces.send([WAIT, WHOLE])
    traces.close()

    (request,) = received.traces
    (resource,) = request.resource_spans
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    wait, whole = spans["AwaitingApproval"], spans["rollout of recipes 1.0.0"]
    assert any(each.value.string_value == "recipe-recommender-controller" for each in resource.resource.attributes)
    assert wait.trace_id == whole.trace_id == (2**100 + 1).to_bytes(16, "big")
    assert (wait.parent_span_id, whole.parent_span_id) == ((7).to_bytes(8, "big"), b"")
    assert wait.end_time_unix_nano - wait.start_time_unix_nano == 3600 * 10**9
    assert whole.status.code == 2, "an error"
    (link,) = whole.links
    assert (link.trace_id.hex(), link.span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert not wait.links


@pytest.mark.parametrize("link", [None, "", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_what_names_no_span_is_no_link(collector, link):
    endpoint, received = collector
    traces = Traces(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    traces.send([replace(WHOLE, link=link)])
    traces.close()
    assert not received.spans[0].links


def test_a_collector_that_is_down_costs_spans_and_nothing_else():
    traces = Traces(OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces", timeout=1))
    traces.send([WAIT])
    traces.close()
