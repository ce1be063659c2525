"""How a version is judged and rolled out: the blocks of a Model's spec, which a ModelVersion may replace one by one.

A block that a version names replaces the Model's block of that name whole: nothing is merged, so that what a block says
is what it does. Every field has a default; rules that span several fields are checked when a value is made.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from controller.metrics import Source
from controller.resource.fields import (
    QUERY,
    Confidence,
    Count,
    Cron,
    DecimalText,
    Duration,
    QueryName,
    Seconds,
    ShortText,
    TimeZone,
    Weight,
)
from controller.resource.gate import Gate, Gates, gate_problems
from controller.resource.patience import Limit, Patience, Then
from controller.resource.problems import Broken, Problem


def _not_much_slower(min_samples: int) -> Gate:
    """Half as slow again, and 10 ms at least: half of the 3 ms of a small corpus is less than what learning costs."""
    half, unnoticed = Decimal("-0.5"), Decimal(10)
    return Gate(metric="latency-p95-ms", min_relative_change=half, min_effect=unnoticed, min_samples=min_samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Recent real queries asked of both versions, apart from users. `queries: 0` leaves it out."""

    queries: Count = 200
    """How many recent queries; 0 leaves the replay out."""
    gates: Gates = (
        Gate(metric="error-rate", threshold=Decimal("0.01"), min_samples=20),
        _not_much_slower(20),
    )
    """What the answers have to meet."""

    def __post_init__(self) -> None:
        """Refuse gates on what a replay does not measure."""
        Broken.unless_none(gate_problems(self.gates, Source.REPLAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """After an Error: how often in all, and how long between; the wait doubles each time up to an hour."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Tries in all."""
    back_off_seconds: Duration = 30
    """Seconds before the second; doubled each time, up to an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Offline judgement: a job on held-out data, then the replay."""

    dataset: ShortText = "default"
    """Name of the judged queries; default are those of the artefact."""
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
    """What it has to meet on them."""
    replay: Replay = Replay()
    """Recent real queries, apart from users."""
    deadline_seconds: Duration = 3_600
    """Seconds that a job may take."""
    retry: Retry = Retry()
    """After a job that failed."""
    patience: Patience = Patience()
    """How long an unsettled evaluation is put up with."""

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
    """Whom to ask."""
    separation: Separation = Separation.ENFORCED
    """Whether who asks for a version may approve it."""
    expiry_seconds: Duration = 604_800
    """Seconds that an approval holds."""
    deadline_seconds: Duration = 1_209_600
    """Seconds that one is waited for; then the version is archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A share of the users, in percent, and the least time it is watched."""

    weight: Weight
    """Percent of the users."""
    pause_seconds: Seconds = 300
    """Seconds it is watched at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question of one's own to Prometheus; gates name it `query/NAME`. Its answer must be one number.

    `$version`, `$model`, `$namespace` and `$window` (such as 300s) are filled in; without `$version` both versions
    would get the same answer. A number alone has no bounds and is judged by its value at each look. With a `total`,
    the query counts some of what `total` counts, as failures of requests: the metric is their share, and is judged by
    bounds.
    """

    name: QueryName
    """Gates call it query/NAME."""
    query: Annotated[str, Field(min_length=1, max_length=1024)]
    """PromQL, about $version."""
    total: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """PromQL, about $version: of how many the query counts some."""

    def __post_init__(self) -> None:
        """Refuse what does not ask about a version."""
        Broken.unless_none(
            Problem((name,), 'does not ask about a version: select by version="$version"')
            for name, asked in (("query", self.query), ("total", self.total))
            if asked is not None and "$version" not in asked
        )

    @property
    def metric(self) -> str:
        """The name by which gates call it."""
        return f"{QUERY}{self.name}"

    def about(self, version: str, *, model: str, namespace: str, seconds: int) -> str:
        """The question for the metric's value."""
        counted, total = self.counts(version, model=model, namespace=namespace, seconds=seconds)
        return counted if total is None else f"(({counted}) or vector(0)) / ({total})"

    def counts(self, version: str, *, model: str, namespace: str, seconds: int) -> tuple[str, str | None]:
        """The query and the total as they are asked."""

        def filled(asked: str) -> str:
            about = asked.replace("$version", version).replace("$model", model).replace("$namespace", namespace)
            return about.replace("$window", f"{seconds}s")

        return filled(self.query), None if self.total is None else filled(self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How a version is watched while users see it, in the canary and in the bake alike.

    With a `confidence`, a check looks back to the moment its weight was applied. It passes where the bounds of what it
    sees lie on the good side of the limit, and fails where they lie on the other, or where the value does and is worse
    than production's beyond chance. That holds however often one looks: all of a rollout's checks together take back a
    version that is no worse than production at most as often as is said ("0.95": one rollout of twenty). A step then
    lasts as long as the proof takes, and at least `pauseSeconds`; evidence that was proven begins anew after
    `windowSeconds`. `confidence: "0"` judges by the values alone, over the last `windowSeconds`. A canary whose
    evidence is still Inconclusive after `requestBudget` requests is archived; 0 sets no budget. `failureLimit` failed
    checks are put up with in a phase; `inconclusiveLimit` unsettled checks in a row end patience before its deadline
    does.
    """

    interval_seconds: Duration = 30
    """Seconds between two checks."""
    window_seconds: Duration = 900
    """Seconds that a check looks back at most."""
    confidence: Confidence = Decimal("0.95")
    """How sure a check must be, such as "0.95"; "0" goes by the values alone."""
    request_budget: Count = 10_000
    """Requests of a canary that decides nothing; then it is archived. 0 is without end."""
    failure_limit: Count = 0
    """Failed checks that are put up with in each phase."""
    inconclusive_limit: Count = 2_880
    """Unsettled checks in a row that end patience."""
    gates: Gates = (
        Gate(metric="error-rate", min_absolute_change=Decimal("-0.02"), min_samples=30),
        _not_much_slower(30),
    )
    """What live traffic has to meet."""
    queries: Annotated[tuple[Query, ...], Field(max_length=10)] = ()
    """Questions of your own to Prometheus."""
    patience: Patience = Patience(
        no_data=Limit(deadline_seconds=21_600, then=Then.ARCHIVE),
        error=Limit(deadline_seconds=240, then=Then.ARCHIVE),
    )
    """How long unsettled checks are put up with."""

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
    """Growing shares of the users; empty goes to all at once."""
    analysis: Analysis = Analysis()
    """How users are watched over."""
    ready_deadline_seconds: Duration = 600
    """Seconds until its pods must be ready."""
    apply_deadline_seconds: Duration = 120
    """Seconds until the Gateway must have applied a weight."""

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
    """Who acts when it fails in production."""
    bake_seconds: Seconds = 1_800
    """Seconds it is watched in production, the version before kept warm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """What starts a retraining besides its schedule. `degradation` is a relative loss of quality, such as "0.05"."""

    new_data: bool = False
    """When users have told enough since the last training."""
    degradation: DecimalText | None = None
    """When an online metric has lost this share, such as "0.05"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """When the version in production is trained anew. Without schedule and triggers: never by itself."""

    schedule: Cron | None = None
    """Cron line of five fields; unset, there is no schedule."""
    time_zone: TimeZone = "Etc/UTC"
    """Of the schedule, such as Europe/Madrid."""
    triggers: Triggers = Triggers()
    """What starts one besides the schedule."""
    min_interval_seconds: Duration = 86_400
    """Seconds between two trainings at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that rules one attempt: resolved once, kept with its hash in the version's status until the attempt ends."""

    evaluation: Evaluation = Evaluation()
    approval: ApprovalPolicy = ApprovalPolicy()
    rollout: Rollout = Rollout()
    rollback: Rollback = Rollback()


DEFAULTS = Policy()
NEVER = Retraining()
