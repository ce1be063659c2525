"""Every Prometheus metric of the predictor, named once. Label values come from closed sets, whatever clients send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from mlops.recommendation import ServedModel

# A request takes 1 to 100 ms; the default buckets of prometheus_client begin at 5 ms.
_MILLISECONDS = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000)
BUCKETS = tuple(milliseconds / 1000 for milliseconds in _MILLISECONDS)


class Instruments:
    """The metrics, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
            return Histogram(name, text, labels, buckets=BUCKETS, registry=registry)

        self.registry = registry
        self.request = histogram(
            "recipes_request_duration_seconds",
            "From the last byte of a request to the last of its answer.",
            ("route", "status"),
        )
        self.translation = histogram("recipes_translation_duration_seconds", "Understanding and translating a query.")
        self.embedding = histogram("recipes_embedding_duration_seconds", "Encoding a query.")
        self.ranking = histogram("recipes_ranking_duration_seconds", "Searching, filtering and ranking.")
        self.untranslated = Counter(
            "recipes_untranslated_total", "Spanish queries answered without a translation.", registry=registry
        )
        self.errors = Counter("recipes_errors_total", "Requests refused or failed.", ("kind",), registry=registry)
        self.inflight = Gauge("recipes_inflight", "Requests being read or answered.", registry=registry)
        self.feedback = Counter("recipes_feedback_total", "Feedbacks kept.", registry=registry)
        self.feedback_dropped = Counter(
            "recipes_feedback_dropped_total", "Feedbacks refused because they could not be kept.", ("reason",),
            registry=registry,
        )  # fmt: skip
        self._model_info = Gauge(
            "recipes_model_info", "1 for the model that is served.", ("model", "version", "digest"), registry=registry
        )

    def show_model(self, served: ServedModel | None) -> None:
        """Have `recipes_model_info` say what is served now, and nothing that was."""
        self._model_info.clear()
        if served is not None:
            self._model_info.labels(served.name, served.version, served.digest).set(1)
