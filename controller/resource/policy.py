"""How a version is judged and rolled out: the blocks of a Model's spec, which a ModelVersion may replace one by one.

A block that a version names replaces the Model's block of that name whole: nothing is merged, so that what a block says
is what it does. Every field has a default; rules that span several fields are checked when a value is made.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from controller.metrics import Source, metric
from controller.resource.fields import (
    QUERY,
    Confidence,
    Count,
    Cron,
    DecimalText,
    Duration,
    MetricName,
    QueryName,
    Seconds,
    ShortText,
    TimeZone,
    Weight,
)
from controller.resource.problems import Broken, Problem


class Then(StrEnum):
    """What happens when evidence stays unsettled until its deadline."""

    HOLD = "Hold"
    ARCHIVE = "Archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long one kind of unsettled verdict is put up with, and what happens then."""

    deadline_seconds: Duration = 86_400
    then: Then = Then.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """A limit for each verdict that neither promotes nor rolls back."""

    inconclusive: Limit = Limit()
    no_data: Limit = Limit()
    error: Limit = Limit()

    def shorter_than(self, seconds: int, what: str) -> Iterator[Problem]:
        """Deadlines that pass before anything can be measured, as problems with paths below this block."""
        for name, limit in (("inconclusive", self.inconclusive), ("noData", self.no_data), ("error", self.error)):
            if limit.deadline_seconds < seconds:
                yield Problem(
                    ("patience", name, "deadlineSeconds"),
                    f"{limit.deadline_seconds} s is shorter than {what} of {seconds} s: there would be no second look",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One demand on one metric: an absolute threshold, a change against production, or both.

    Changes are counted in the better direction: `minAbsoluteChange: "-0.01"` on a metric where greater is better allows
    a loss of 0.01; `minRelativeChange: "-0.2"` on a latency allows 20 % more. `maxSliceLoss` goes with a change, in an
    evaluation: no part of the queries (a kind, a language, a length) may lose more than that, beyond chance.
    """

    metric: MetricName
    threshold: DecimalText | None = None
    min_absolute_change: DecimalText | None = None
    min_relative_change: DecimalText | None = None
    max_slice_loss: DecimalText | None = None
    greater_is_better: bool | None = None
    min_samples: Annotated[Count, Field(ge=1)] = 1

    def __post_init__(self) -> None:
        """Refuse a gate that demands nothing, or that turns a metric upside down."""
        known = metric(self.metric)
        problems = []
        if self.threshold is None and not self.comparative:
            problems.append(Problem((), "demands nothing: give threshold, minAbsoluteChange or minRelativeChange"))
        if self.max_slice_loss is not None and (self.max_slice_loss < 0 or not self.comparative):
            reason = "is a positive loss beside a minAbsoluteChange or minRelativeChange"
            problems.append(Problem(("maxSliceLoss",), reason))
        if known is None and self.greater_is_better is None:
            problems.append(Problem(("greaterIsBetter",), f"of {self.metric} it must be said which is better"))
        if known is not None and self.greater_is_better not in (None, known.rises):
            direction = "greater" if known.rises else "less"
            problems.append(
                Problem(("greaterIsBetter",), f"of {self.metric} {direction} is better; leave the field out")
            )
        Broken.unless_none(problems)

    @property
    def comparative(self) -> bool:
        """True where the gate needs the version in production to compare with."""
        return self.min_absolute_change is not None or self.min_relative_change is not None

    @property
    def rises(self) -> bool:
        """True where greater is better."""
        known = metric(self.metric)
        return bool(self.greater_is_better) if known is None else known.rises


Gates = Annotated[tuple[Gate, ...], Field(max_length=10)]


def gate_problems(gates: Iterable[Gate], source: Source, queries: Container[str] = ()) -> Iterator[Problem]:
    """Gates on what `source` does not measure, and second gates on one metric, with paths below the block of gates.

    `queries` are the metrics that queries of the policy's own measure.
    """
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        known = metric(gate.metric)
        if known is None and gate.metric not in queries:
            place = "has no query of this name" if source is Source.ONLINE else f"is not measured {source}"
            yield Problem(("gates", index, "metric"), f"{gate.metric} {place}")
        if known is not None and source not in known.sources:
            places = ", ".join(sorted(known.sources))
            yield Problem(("gates", index, "metric"), f"{gate.metric} is not measured {source} (only {places})")
        if gate.max_slice_loss is not None and source is not Source.OFFLINE:
            yield Problem(("gates", index, "maxSliceLoss"), "parts of the queries are only looked at offline")
        if gate.metric in seen:
            yield Problem(("gates", index, "metric"), f"{gate.metric} has a gate already; put its limits into one gate")
        seen.add(gate.metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Recent real queries asked of both versions, apart from users. `queries: 0` leaves it out."""

    queries: Count = 200
    gates: Gates = (
        Gate(metric="error-rate", threshold=Decimal("0.01"), min_samples=20),
        Gate(metric="latency-p95-ms", min_relative_change=Decimal("-0.5"), min_samples=20),
    )

    def __post_init__(self) -> None:
        """Refuse gates on what a replay does not measure."""
        Broken.unless_none(gate_problems(self.gates, Source.REPLAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """After an Error: how often in all, and how long between; the wait doubles each time up to an hour."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    back_off_seconds: Duration = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Offline judgement: a job on held-out data, then the replay."""

    dataset: ShortText = "default"
    gates: Gates = (
        Gate(
            metric="ndcg@10",
            threshold=Decimal("0.30"),
            min_absolute_change=Decimal("-0.01"),
            max_slice_loss=Decimal("0.05"),
        ),
        Gate(metric="invalid-outputs", threshold=Decimal(0)),
        Gate(metric="empty-rate", threshold=Decimal("0.05")),
    )
    replay: Replay = Replay()
    deadline_seconds: Duration = 3_600
    retry: Retry = Retry()
    patience: Patience = Patience()

    def __post_init__(self) -> None:
        """Refuse gates on what is not measured offline, and patience that ends before the first retry."""
        Broken.unless_none(
            (
                *gate_problems(self.gates, Source.OFFLINE),
                *self.patience.shorter_than(self.retry.back_off_seconds, "the back-off"),
            )
        )


class Asked(StrEnum):
    """Who is asked before users see a version."""

    NONE = "None"
    MANUAL = "Manual"
    AUTO = "Auto"


class Separation(StrEnum):
    """Whether the person who approves must be another than the one who asks."""

    ENFORCED = "Enforced"
    NONE = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """`None` asks nobody, `Manual` always asks; `Auto` asks only where a gate had nothing to compare with.

    A version that descends from one that was rolled back needs a person under every policy.
    """

    policy: Asked = Asked.NONE
    separation: Separation = Separation.ENFORCED
    expiry_seconds: Duration = 604_800
    deadline_seconds: Duration = 1_209_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A share of the users, in percent, and the least time it is watched."""

    weight: Weight
    pause_seconds: Seconds = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question of one's own to Prometheus; gates name it `query/NAME`. Its answer must be one number.

    `$version`, `$namespace` and `$window` (such as 300s) are filled in; without `$version` both versions would get the
    same answer.
    """

    name: QueryName
    query: Annotated[str, Field(min_length=1, max_length=1024)]

    def __post_init__(self) -> None:
        """Refuse a query that does not ask about a version."""
        if "$version" not in self.query:
            Broken.unless_none([Problem(("query",), 'does not ask about a version: select by version="$version"')])

    @property
    def metric(self) -> str:
        """The name by which gates call it."""
        return f"{QUERY}{self.name}"

    def about(self, version: str, *, namespace: str, seconds: int) -> str:
        """The query as it is asked."""
        filled = self.query.replace("$version", version).replace("$namespace", namespace)
        return filled.replace("$window", f"{seconds}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How a version is watched while users see it, in the canary and in the bake alike.

    With a `confidence`, a check looks back to the moment its weight was applied, and passes or fails only where the
    bounds of what it sees lie on one side of the limit: they hold however often one looks, and all of a rollout's
    checks together are wrong at most as often as is said ("0.95": one rollout of twenty). A step then lasts as long as
    the proof takes, and at least `pauseSeconds`; evidence that was proven begins anew after `windowSeconds`.
    `confidence: "0"` judges by the values alone, over the last `windowSeconds`. A canary whose evidence is still
    Inconclusive after `requestBudget` requests is archived; 0 sets no budget. `failureLimit` failed checks are put up
    with in a phase; `inconclusiveLimit` unsettled checks in a row end patience before its deadline does.
    """

    interval_seconds: Duration = 30
    window_seconds: Duration = 900
    confidence: Confidence = Decimal("0.95")
    request_budget: Count = 10_000
    failure_limit: Count = 0
    inconclusive_limit: Count = 2_880
    gates: Gates = (
        Gate(metric="error-rate", min_absolute_change=Decimal("-0.02"), min_samples=30),
        Gate(metric="latency-p95-ms", min_relative_change=Decimal("-0.5"), min_samples=30),
    )
    queries: Annotated[tuple[Query, ...], Field(max_length=10)] = ()
    patience: Patience = Patience(
        no_data=Limit(deadline_seconds=21_600, then=Then.ARCHIVE),
        error=Limit(deadline_seconds=600, then=Then.ARCHIVE),
    )

    def __post_init__(self) -> None:
        """Refuse gates on what traffic does not tell, and deadlines or windows shorter than one check."""
        problems = [
            *gate_problems(self.gates, Source.ONLINE, {query.metric for query in self.queries}),
            *self.patience.shorter_than(self.interval_seconds, "the interval"),
        ]
        if self.window_seconds < self.interval_seconds:
            interval = f"the interval of {self.interval_seconds} s"
            reason = f"{self.window_seconds} s is shorter than {interval}: data would be skipped"
            problems.append(Problem(("windowSeconds",), reason))
        Broken.unless_none(problems)

    @property
    def confident(self) -> bool:
        """Whether a check is judged by bounds, and not by values alone."""
        return self.confidence > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The canary: growing shares of the users, each left only with every gate passed."""

    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = (Step(weight=10), Step(weight=50))
    analysis: Analysis = Analysis()
    ready_deadline_seconds: Duration = 600
    apply_deadline_seconds: Duration = 120

    def __post_init__(self) -> None:
        """Refuse weights that fall or repeat."""
        Broken.unless_none(
            Problem(("steps", index, "weight"), f"{after.weight} after {before.weight}: weights must rise")
            for index, (before, after) in enumerate(pairwise(self.steps), start=1)
            if after.weight <= before.weight
        )


class Rollbacks(StrEnum):
    """Who acts when a version in production fails its bake."""

    AUTOMATIC = "Automatic"
    MANUAL = "Manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """After 100 %: how long a version is watched with the version before it kept warm."""

    policy: Rollbacks = Rollbacks.AUTOMATIC
    bake_seconds: Seconds = 1_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """What starts a retraining besides its schedule. `degradation` is a relative loss of quality, such as "0.05"."""

    new_data: bool = False
    degradation: DecimalText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """When the version in production is trained anew. Without schedule and triggers: never by itself."""

    schedule: Cron | None = None
    time_zone: TimeZone = "Etc/UTC"
    triggers: Triggers = Triggers()
    min_interval_seconds: Duration = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that rules one attempt: resolved once, kept with its hash in the version's status until the attempt ends."""

    evaluation: Evaluation = Evaluation()
    approval: ApprovalPolicy = ApprovalPolicy()
    rollout: Rollout = Rollout()
    rollback: Rollback = Rollback()


DEFAULTS = Policy()
NEVER = Retraining()
