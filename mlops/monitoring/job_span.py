"""A job as a span: below the rollout or the job that asked for it, where its environment names one (TRACEPARENT).

Of jobs there are few, so the SDK's own way is taken; `mlops.monitoring.otlp` says where spans go.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from mlops.monitoring.otlp import Signal, name_service, span_exporter, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Tracer

# The names that OpenTelemetry gives to W3C's headers where they are variables of an environment.
TRACEPARENT, _TRACESTATE = "TRACEPARENT", "TRACESTATE"
_SERVICE = "recipes-jobs"


class Progress(Protocol):
    """Told how far a phase has come."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show `done` of `total`."""
        ...


class JobSpan:
    """The span of a job. `traceparent` names it to other processes and traces; None where nobody collects it."""

    def __init__(self, tracer: Tracer | None = None, traceparent: str | None = None) -> None:
        self._tracer = tracer
        self.traceparent = traceparent

    @contextmanager
    def phases(self, progress: Progress) -> Iterator[Progress]:
        """Yield `progress` with a span for each phase reported to it, which lasts until the next one is."""
        if self._tracer is None:
            yield progress
            return
        tracer, known = self._tracer, ""
        with ExitStack() as running:

            def spanned(phase: str, done: int, total: int) -> None:
                nonlocal known
                if phase != known:
                    known = phase
                    running.close()
                    running.enter_context(tracer.start_as_current_span(phase))
                progress(phase, done, total)

            yield spanned


@contextmanager
def job_span(name: str, attributes: Mapping[str, str], *, parent: str | None = None) -> Iterator[JobSpan]:
    """Trace what is done within, if a collector is named; an exception that leaves it is noted, and goes on.

    `parent` is the traceparent of who asked for it; without, that of the environment counts. It is sampled as its
    parent is; one that has none is always sampled, but with `always_off`: of these there are few.
    """
    if not wanted(Signal.TRACES, os.environ):
        yield JobSpan()
        return
    from opentelemetry.sdk.trace import TracerProvider, sampling  # noqa: PLC0415 - for those who have a collector
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    name_service(os.environ, _SERVICE)
    provider = TracerProvider(sampler=sampling.ParentBased(_root(os.environ)))
    provider.add_span_processor(BatchSpanProcessor(span_exporter(os.environ)))
    propagator = TraceContextTextMapPropagator()
    around = {key.lower(): os.environ[key] for key in (TRACEPARENT, _TRACESTATE) if os.environ.get(key)}
    context = propagator.extract(around if parent is None else {TRACEPARENT.lower(): parent})
    tracer = provider.get_tracer("recipe-recommender")
    try:
        with tracer.start_as_current_span(name, context=context, attributes=attributes) as span:
            own: dict[str, str] = {}
            propagator.inject(own)
            # Who is not sampled is known to nobody: nothing should be linked to it.
            yield JobSpan(tracer, own.get(TRACEPARENT.lower()) if span.is_recording() else None)
    finally:
        provider.shutdown()


def _root(variables: Mapping[str, str]) -> Sampler:
    from opentelemetry.sdk.trace import sampling  # noqa: PLC0415 - as above

    never = variables.get("OTEL_TRACES_SAMPLER", "").endswith("always_off")
    return sampling.ALWAYS_OFF if never else sampling.ALWAYS_ON
