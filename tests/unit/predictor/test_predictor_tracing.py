"""The span that a caller names is read as OpenTelemetry's own propagator reads it, whatever the header holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from predictor.tracing import NoTracing, callers

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {
    "sampled": f"00-{TRACE}-{SPAN}-01",
    "not sampled": f"00-{TRACE}-{SPAN}-00",
    "random too": f"00-{TRACE}-{SPAN}-03",
    "spaces around it": f" \t00-{TRACE}-{SPAN}-01 ",
    "a later version": f"01-{TRACE}-{SPAN}-01",
    "a later version with more": f"cc-{TRACE}-{SPAN}-01-what-the-future-brings",
    "more than 00 has": f"00-{TRACE}-{SPAN}-01-more",
    "the version that there is none of": f"ff-{TRACE}-{SPAN}-01",
    "no trace": f"00-{'0' * 32}-{SPAN}-01",
    "no span": f"00-{TRACE}-{'0' * 16}-01",
    "capitals": f"00-{TRACE.upper()}-{SPAN}-01",
    "far too long": f"cc-{TRACE}-{SPAN}-01-" + "x" * 600,
    "too short": f"00-{TRACE[1:]}-{SPAN}-01",
    "nothing": "",
    "anything": "soup",
}


def as_the_library_reads(headers):
    span = get_current_span(TraceContextTextMapPropagator().extract(headers)).get_span_context()
    return span if span.is_valid else None


def hold(headers):
    wanted = as_the_library_reads(headers)
    _, found = callers(headers)
    assert found == wanted
    traced = NoTracing().begin("/recommend", headers)
    if wanted is None:
        assert traced is None
        return
    assert traced.ids == (f"{wanted.trace_id:032x}", f"{wanted.span_id:016x}")
    assert traced.sampled == wanted.trace_flags.sampled
    assert dict(found.trace_state) == dict(wanted.trace_state)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("state", [None, "vendor=value,other=1", "not a state", "a=" + "b" * 9000])
def test_it_is_read_as_the_library_reads_it(header, state):
    hold({"traceparent": header} | ({} if state is None else {"tracestate": state}))


def test_without_the_header_there_is_none():
    hold({})


@given(st.from_regex(r"[0-9a-g]{1,2}-[0-9a-f]{31,32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-z]{0,3})?", fullmatch=True))
def test_what_is_nearly_one_too(header):
    hold({"traceparent": header})
