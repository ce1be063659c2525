"""Every Prometheus metric of the controller, named once. Label values come from closed sets, or are names of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.round_line import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from controller.cluster.board import Board
    from controller.cluster.key import Key

# A round takes some milliseconds; one that waits for the API to time out takes 15 seconds.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30)
# Where a Model is, and what it is called outside: of every series about one.
_WHOSE = ("namespace", "model")


class Instruments:
    """The metrics, registered in `registry`. `depth` tells how many models wait to be worked on.

    `called` is what a Model is called outside its namespace; predictors say the same of themselves.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        board: Board,
        depth: Callable[[], int],
        called: Callable[[Key], str] = lambda key: key.model,
    ) -> None:
        self.registry = registry
        self._called = called
        self._rounds = Histogram(
            "recipes_controller_reconcile_duration_seconds", "One round over one model.", ("outcome",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._calls = Counter(
            "recipes_controller_api_requests_total",
            "Calls to the Kubernetes API, by method and status; status 0: no answer.", ("method", "status"),
            registry=registry,
        )  # fmt: skip
        self._ended = Counter(
            "recipes_controller_transitions_total", "Versions that entered a stage, by the reason why.",
            ("namespace", "model", "stage", "reason"), registry=registry,
        )  # fmt: skip
        self._leader = Gauge(
            "recipes_controller_leader", "1 in the replica that decides, 0 in others.", registry=registry
        )
        waiting = Gauge("recipes_controller_queue_depth", "Models that wait to be worked on.", registry=registry)
        waiting.set_function(depth)
        for outcome in Outcome:
            self._rounds.labels(outcome.value)
        registry.register(BoardMetrics(board, called))

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """Count a round."""
        self._rounds.labels(outcome.value).observe(seconds)

    def called(self, method: str, status: int) -> None:
        """Count a call to the API."""
        self._calls.labels(method, str(status)).inc()

    def entered(self, key: Key, stage: str, reason: str) -> None:
        """Count a version that entered a stage."""
        self._ended.labels(key.namespace, self._called(key), stage, reason).inc()

    def leads(self) -> None:
        """Say that this replica decides."""
        self._leader.set(1)


class BoardMetrics(Collector):
    """What the board shows, when asked: nothing is left of a version that left it."""

    def __init__(self, board: Board, called: Callable[[Key], str]) -> None:
        self._board = board
        self._called = called

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        versions = GaugeMetricFamily("recipes_versions", "Versions in each stage.", labels=(*_WHOSE, "stage"))
        stage = GaugeMetricFamily(
            "recipes_version_stage", "1 for the stage of each version that is not archived.",
            labels=(*_WHOSE, "version", "stage"),
        )  # fmt: skip
        weight = GaugeMetricFamily(
            "recipes_version_weight", "Percent of users that a version is to answer.", labels=(*_WHOSE, "version")
        )
        gate_labels = (*_WHOSE, "version", "phase", "gate")
        value = GaugeMetricFamily("recipes_gate_value", "What a gate measured last.", labels=gate_labels)
        limit = GaugeMetricFamily(
            "recipes_gate_limit", "What a gate demanded when it was last asked.", labels=gate_labels
        )
        samples = GaugeMetricFamily("recipes_gate_samples", "Samples behind a gate's value.", labels=gate_labels)
        for key, counted in self._board.stages().items():
            for each, number in counted.items():
                versions.add_metric((key.namespace, self._called(key), each.value), number)
        for key, lines in self._board.lines().items():
            whose = (key.namespace, self._called(key))
            for line in lines:
                stage.add_metric((*whose, line.version, line.stage.value), 1)
                weight.add_metric((*whose, line.version), line.weight)
                for gate in line.gates:
                    labels = (*whose, line.version, gate.phase, gate.metric)
                    samples.add_metric(labels, gate.samples)
                    if gate.value is not None:
                        value.add_metric(labels, float(gate.value))
                    if gate.limit is not None:
                        limit.add_metric(labels, float(gate.limit))
        yield from (versions, stage, weight, value, limit, samples)
