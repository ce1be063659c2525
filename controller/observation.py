"""All that a decision may know: the resources as stored, and the facts of the world as they were read.

A shell fills it in; the core only reads it. It is serialisable whole, so that a stored record can be decided again.
Facts carry the deterministic name of the act that they answer, so that no answer is counted for another question.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from controller.resource.approval import ModelApproval
from controller.resource.codec import codec
from controller.resource.fields import Measured
from controller.resource.model import Model
from controller.resource.version import Lineage, ModelVersion, Origin


class ArtifactState(StrEnum):
    """What fetching and verifying an artefact came to. `Error` may go away by itself, the others do not."""

    PENDING = "Pending"
    VERIFIED = "Verified"
    MISSING = "Missing"
    DAMAGED = "Damaged"
    ERROR = "Error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFact:
    """The answer to a VerifyArtifact."""

    name: str
    state: ArtifactState
    digest: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One metric in a part of the queries that lost; `best` is the better end of its value's interval."""

    name: str
    value: Measured
    baseline: Measured
    best: Measured
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One metric as measured; NaN stands for "0 of 0". `newest` is the time of the latest datum.

    `low` and `high` bound the value, the baseline taken as given: for a difference d of both versions, baseline + d.
    `side` is 1 where the value is above the baseline beyond chance, -1 where it is below, 0 where that is not known.
    `slices` are the parts of the queries that lost most, where it was asked for them.
    """

    metric: str
    value: Measured | None = None
    baseline: Measured | None = None
    low: Measured | None = None
    high: Measured | None = None
    side: int = 0
    samples: int = 0
    newest: datetime | None = None
    slices: tuple[Slice, ...] = ()


class JobState(StrEnum):
    """What a job came to so far."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """An evaluation or a replay: which version it compares with, the digest that it judged, and its run in MLflow."""

    name: str
    state: JobState
    started: datetime
    baseline: str | None = None
    samples: tuple[Sample, ...] = ()
    digest: str | None = None
    run: str | None = None
    message: str = ""


class ServingState(StrEnum):
    """Whether a version's own serving answers. `Refused`: never, because the artefact is not what it should be."""

    PENDING = "Pending"
    READY = "Ready"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFact:
    """A version's serving: fully available or not, and the digest that its version endpoint reports.

    `answers` is whether users are answered all the same: by fewer pods than wanted, or by pods that were not asked for
    their digest yet. `revision` is the hash of the serving block it was made from, so that an edit of it is noticed.
    """

    state: ServingState
    answers: bool = False
    digest: str | None = None
    revision: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The answer to a Measure: samples, or why there are none."""

    name: str
    at: datetime
    samples: tuple[Sample, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What is known of one version outside its object; there may be facts of a version whose object is gone."""

    version: str
    artifact: ArtifactFact | None = None
    jobs: tuple[JobFact, ...] = ()
    serving: ServingFact | None = None
    measurement: Measurement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFact:
    """The version that the registry's champion alias names."""

    champion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a retraining registered: enough to make a ModelVersion of it."""

    version: str
    source: Origin
    lineage: Lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingJob:
    """A run of retraining, scheduled or started."""

    name: str
    state: JobState
    started: datetime
    candidate: Candidate | None = None
    message: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state is not JobState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFact:
    """The schedule as the platform has it now."""

    schedule: str
    time_zone: str
    suspended: bool
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingFacts:
    """What is known of retraining. `degradation`: relative loss of production's quality, None where it is not known."""

    applied: ScheduleFact | None = None
    jobs: tuple[RetrainingJob, ...] = ()
    new_data: bool = False
    degradation: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything about one model, at one moment.

    `traffic` are the weights as read back from the router, None where it cannot be read; `registry` is None where the
    registry does not answer. `splits_traffic` is False for a provider that can only give all users to one version,
    `keeps_queries` where nobody keeps what users ask, so that there never is anything to replay.
    """

    model: Model
    versions: tuple[ModelVersion, ...] = ()
    approvals: tuple[ModelApproval, ...] = ()
    facts: tuple[VersionFacts, ...] = ()
    traffic: dict[str, int] | None = field(default_factory=dict)
    registry: RegistryFact | None = None
    retraining: RetrainingFacts = RetrainingFacts()
    splits_traffic: bool = True
    keeps_queries: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON types, for the record."""
        return codec(Observation).dump(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read a record back; raises pydantic.ValidationError where it is none."""
        return codec(cls).load(data)
