"""Every Prometheus metric of the predictor, named once.

Label values come from closed sets, whatever clients send; of versions only the last few have series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from mlops.monitoring.alerts import Kind
from mlops.monitoring.score_edges import SCORE_EDGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import CollectorRegistry

    from mlops.monitoring.alerts import Alert
    from predictor.slot import Share

# A request takes 1 to 100 ms; the default buckets of prometheus_client begin at 5 ms.
_MILLISECONDS = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000)
BUCKETS = tuple(milliseconds / 1000 for milliseconds in _MILLISECONDS)
_COUNTS = (0, 1, 2, 3, 5, 10, 20, 50)
# Versions with series of their own: production, canary, the one before, and those that left lately, whose last counts
# are still to be scraped.
_VERSIONS = 6
# A bucket shows the newest request that fell into it; making one costs more than counting it.
_EXEMPLAR_SECONDS = 1.0
# Prometheus' increase() sees no event that a series appears with: a canary's first failure must not be lost.
_ASKED, _FROM_THE_START = "/recommend", ("200", "500", "503", "504")


class Instruments:
    """The metrics, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(
            name: str, text: str, labels: tuple[str, ...] = (), buckets: Sequence[float] = BUCKETS
        ) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self.registry = registry
        self.request = histogram(
            "recipes_request_duration_seconds",
            "From the last byte of a request to the last of its answer; from memory, with what computing it took.",
            ("route", "status", "version"),
        )
        self.translation = histogram("recipes_translation_duration_seconds", "Understanding and translating a query.")
        self.embedding = histogram("recipes_embedding_duration_seconds", "Encoding a query.")
        self.ranking = histogram("recipes_ranking_duration_seconds", "Searching, filtering and ranking.")
        self.results = histogram("recipes_results", "Recipes in an answer.", ("version",), _COUNTS)
        self.top_score = histogram(
            "recipes_top_score", "Score of the first recipe of an answer.", ("version",), SCORE_EDGES
        )
        self.untranslated = Counter(
            "recipes_untranslated_total", "Spanish queries answered without a translation.", registry=registry
        )
        self.remembered = Counter(
            "recipes_remembered_answers_total", "Answers given again from memory.", registry=registry
        )
        self.errors = Counter("recipes_errors_total", "Requests refused or failed.", ("kind",), registry=registry)
        # A number, which is asked for: counting up and down in the gauge costs as much as a histogram does.
        self.inflight = 0
        inflight = Gauge("recipes_inflight", "Requests being read or answered.", registry=registry)
        inflight.set_function(lambda: self.inflight)
        self.feedback = Counter("recipes_feedback_total", "Feedbacks kept.", registry=registry)
        self.feedback_dropped = Counter(
            "recipes_feedback_dropped_total", "Feedbacks refused because they could not be kept.", ("reason",),
            registry=registry,
        )  # fmt: skip
        self._model_info = Gauge(
            "recipes_model_info", "1 for each version that is served.", ("model", "version", "digest"),
            registry=registry,
        )  # fmt: skip
        self._weight = Gauge(
            "recipes_traffic_weight", "Percent of users that a version answers.", ("model", "version"),
            registry=registry,
        )  # fmt: skip
        self._alert = Gauge(
            "recipes_alert", "1 for each alert of this process that fires.", ("alert", "severity"), registry=registry
        )
        # What is served is shown by one thread, and requests are counted by another.
        self._lock = Lock()
        self._versions: OrderedDict[str, None] = OrderedDict()
        self._newest: str | None = None
        # Series that were asked for: `labels` costs more than counting does.
        self._requests: dict[tuple[str, int, str], Histogram] = {}
        self._answers: dict[str, tuple[Histogram, Histogram]] = {}
        self._exemplars: dict[tuple[str, int, str, int], float] = {}

    def observe(
        self, route: str, status: int, version: str | None, seconds: float, at: float, trace: str | None = None
    ) -> None:
        """Count a request that ended at `at`; `version` is the one that was to answer it, None where it came to none.

        `trace` leads from a bucket to a request that fell into it, for who scrapes OpenMetrics: an exemplar, anew once
        a second at most.
        """
        if version is not None and version != self._newest:
            self._keep(version)
        key = (route, status, version or "")
        if (series := self._requests.get(key)) is None:
            series = self._requests[key] = self.request.labels(route, str(status), version or "")
        if trace is not None:
            place = (*key, bisect_left(BUCKETS, seconds))
            if not 0 <= at - self._exemplars.get(place, float("-inf")) < _EXEMPLAR_SECONDS:
                self._exemplars[place] = at
                series.observe(seconds, {"trace_id": trace})
                return
        series.observe(seconds)

    def answered(self, version: str, results: int, top_score: float | None) -> None:
        """Count an answer of a version whose request was observed; without recipes there is no score."""
        if (series := self._answers.get(version)) is None:
            series = self._answers[version] = (self.results.labels(version), self.top_score.labels(version))
        series[0].observe(results)
        if top_score is not None:
            series[1].observe(top_score)

    def show(self, shares: Sequence[Share]) -> None:
        """Have `recipes_model_info` and `recipes_traffic_weight` say what is served now, and nothing that was."""
        self._model_info.clear()
        self._weight.clear()
        for share in shares:
            served = share.served
            self._model_info.labels(served.name, served.version, served.digest).set(1)
            self._weight.labels(served.name, served.version).set(share.weight)
            self._keep(served.version)
            for status in _FROM_THE_START:
                self.request.labels(_ASKED, status, served.version)

    def alarm(self, alerts: Iterable[Alert]) -> None:
        """Have `recipes_alert` say what fires now; 0 for what does not."""
        firing = {alert.kind for alert in alerts}
        for kind in Kind:
            self._alert.labels(str(kind), str(kind.severity)).set(kind in firing)

    def _keep(self, version: str) -> None:
        """Have series of this version, in place of those that were asked longest ago."""
        with self._lock:
            self._versions[version] = None
            self._versions.move_to_end(version)
            self._newest = version
            if len(self._versions) > _VERSIONS:
                retired, _ = self._versions.popitem(last=False)
                self._requests.clear()
                self._answers.clear()
                self._exemplars.clear()
                for histogram in (self.request, self.results, self.top_score):
                    histogram.remove_by_labels({"version": retired})
