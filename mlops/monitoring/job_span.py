"""A job as a span: below the rollout that asked for it, where its environment names one (TRACEPARENT)."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops.monitoring.otlp import Signal, span_exporter, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The names that OpenTelemetry gives to W3C's headers where they are variables of an environment.
TRACEPARENT, _TRACESTATE = "TRACEPARENT", "TRACESTATE"


@contextmanager
def job_span(name: str, attributes: Mapping[str, str]) -> Iterator[None]:
    """Trace what is done within, if a collector is named; an exception that leaves it is noted, and goes on."""
    if not wanted(Signal.TRACES, os.environ):
        yield
        return
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - for those who have a collector
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(span_exporter(os.environ)))
    carrier = {key.lower(): os.environ[key] for key in (TRACEPARENT, _TRACESTATE) if os.environ.get(key)}
    tracer = provider.get_tracer("recipe-recommender")
    try:
        context = TraceContextTextMapPropagator().extract(carrier)
        with tracer.start_as_current_span(name, context=context, attributes=attributes):
            yield
    finally:
        provider.shutdown()
