"""What the composition root takes from the machine, apart from what is built of it, which takes long to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.canonical_lines import PlainLines
from predictor.tracing import NoTracing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import CollectorRegistry

    from mlops.canonical_lines import CanonicalLines
    from mlops.feedback import FeedbackStore
    from mlops.monitoring.alerts import Notice
    from mlops.monitoring.sample_log import SampleLog
    from mlops.monitoring.statistics import Sample
    from mlops.shown_log import ShownLog
    from predictor.tracing import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the composition root takes from the machine: time (Unix seconds, monotonic seconds), ids, a salt, files.

    `measured` is what the process before this one measured, `alert` where notices go besides the log,
    `begin_answering` what each thread that answers does first.
    """

    clock: Callable[[], float]
    timer: Callable[[], float]
    new_id: Callable[[], str]
    user_salt: bytes
    registry: CollectorRegistry
    feedback: FeedbackStore | None = None
    shown: ShownLog | None = None
    samples: SampleLog | None = None
    measured: Sequence[Sample] = ()
    alert: Callable[[Sequence[Notice]], None] = lambda _: None
    tracing: Tracing = field(default_factory=NoTracing)
    lines: CanonicalLines = field(default_factory=lambda: PlainLines("app"))
    note_later: bool = False
    begin_answering: Callable[[], object] = lambda: None
