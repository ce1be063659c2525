"""What the service asks of the world outside it, and the values of the answers. Who composes the process injects them.

In a cluster none of these is wired: the controller answers those routes. The embedded shell wires its registry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from mlops.monitoring.anomalies import NoDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.monitoring.anomalies import Detector
    from mlops.monitoring.traffic_log import TrafficLog
    from mlops.recommendation import Ask
    from mlops.registry.values import RegisteredVersion
    from mlops.status_page.rollout import Rollout

ComponentStatus = Literal["ok", "degraded", "unavailable", "unknown", "not_configured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """The state of one part of the service, with the reason in a sentence."""

    status: ComponentStatus
    reason: str


class ModelsView(Protocol):
    """Read access to the registry. Both calls may block; Transient means that the registry cannot be reached."""

    def list(self) -> Sequence[RegisteredVersion]:
        """Return every version of every model."""
        ...

    def production(self, model: str) -> RegisteredVersion | None:
        """Return the version of `model` in production, None where there is none.

        Raises NotFound for a model that the registry does not know.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainDecision:
    """Whether `model` should be retrained now; `reasons` state the arithmetic of each trigger, fired or not."""

    model: str
    retrain: bool
    reasons: tuple[str, ...]
    job: str | None = None


class RetrainCheck(Protocol):
    """Decides on retraining, and starts it where it is due. May block."""

    def check(self, model: str) -> RetrainDecision:
        """Judge every trigger now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What is injected. `probes` add components to GET /health, by name; they may block and are given a second.

    `rollout` says where a model's versions are, or raises NotFound; it may block. `traffic` is told of each answer,
    failure and feedback of a version. `heard` is called with the queries of each request that was answered, on the
    event loop: it must return at once. For alerts: `trained_at` tells when the model in production was trained, in Unix
    seconds, and `detector` makes what finds lasting changes of a metric.
    """

    models: ModelsView | None = None
    rollout: Callable[[str], Rollout] | None = None
    retraining: RetrainCheck | None = None
    probes: Mapping[str, Callable[[], Component]] = field(default_factory=dict)
    traffic: TrafficLog | None = None
    heard: Callable[[Sequence[Ask]], None] | None = None
    trained_at: Callable[[], float | None] = lambda: None
    detector: Callable[[], Detector] = NoDetector
