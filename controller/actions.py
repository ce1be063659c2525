"""What a decision may ask of a shell: a closed union. Every act is idempotent, its object named by what it is for.

A shell performs them in order. One that fails may be left: as long as the observation does not show its effect it is
asked for again, and no status claims it before.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from controller.resource.codec import codec
from controller.resource.gate import Gate
from controller.resource.model import Serving
from controller.resource.policy import Query
from controller.resource.reasons import Reason
from controller.resource.version import Lineage, Origin, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyArtifact:
    """Fetch the artefact and verify every digest; the answer is an ArtifactFact of this name."""

    name: str
    version: str
    source: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEvaluation:
    """Start the evaluation job, unless one of this name exists; the answer is a JobFact of this name.

    It measures every metric in `gates` for the version and, where there is one, for the `baseline` version.
    """

    name: str
    version: str
    digest: str
    baseline: str | None
    dataset: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReplay:
    """Start the replay of up to `queries` recent queries against both versions; answered by a JobFact of this name."""

    name: str
    version: str
    digest: str
    baseline: str
    queries: int
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob:
    """Stop a job whose answer nobody waits for any more."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureServing:
    """Have the version served, apart from traffic, refusing any artefact but that of `digest`."""

    name: str
    version: str
    digest: str
    serving: Serving
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopServing:
    """Let requests in flight finish, then remove the version's serving."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTraffic:
    """Set the whole split at once: percentages that sum to 100, or none. Versions left out get nothing."""

    weights: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Measure the gates' metrics over live traffic from `since` on; the answer is a Measurement of this name.

    `baseline` is the version to compare with, None where none takes traffic; `queries` are those that gates may name.
    `alpha`: how often the bounds of one gate may ever be wrong, however often they are looked at; None asks for values
    alone.
    """

    name: str
    version: str
    baseline: str | None
    since: datetime
    gates: tuple[Gate, ...]
    queries: tuple[Query, ...] = ()
    alpha: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAlias:
    """Point the registry's champion alias, and the stage tags, at this version."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseVersion:
    """Nothing of the version is left: let its object go (drop the finalizer, or the row)."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseModel:
    """Nothing of the model is left: let its object go."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureRetraining:
    """Have the platform run retraining on this schedule: a CronJob, or an APScheduler job."""

    name: str
    schedule: str
    time_zone: str
    suspended: bool
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRetraining:
    """Remove the schedule."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRetraining:
    """Start one run now, unless one of this name exists; the answer is a RetrainingJob of this name."""

    name: str
    parent: str
    trigger: Trigger
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVersion:
    """Make the ModelVersion that a retraining ended with, unless it exists."""

    name: str
    version: str
    source: Origin
    lineage: Lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell people, once per name: an Event in Kubernetes, a line in the log."""

    name: str
    version: str | None
    reason: Reason
    message: str
    warning: bool = False


Action = (
    VerifyArtifact
    | StartEvaluation
    | StartReplay
    | CancelJob
    | EnsureServing
    | StopServing
    | SetTraffic
    | Measure
    | MoveAlias
    | ReleaseVersion
    | ReleaseModel
    | EnsureRetraining
    | RemoveRetraining
    | StartRetraining
    | CreateVersion
    | Notify
)

_KINDS: dict[str, type[Action]] = {kind.__name__: kind for kind in Action.__args__}


def to_dict(action: Action) -> dict[str, Any]:
    """JSON types, the kind beside the fields."""
    return {"action": type(action).__name__, **codec(type(action)).dump(action, terse=False)}


def from_dict(data: dict[str, Any]) -> Action:
    """Read back what `to_dict` wrote. Raises KeyError for an unknown kind, pydantic.ValidationError for the rest."""
    rest = dict(data)
    return codec(_KINDS[rest.pop("action")]).load(rest)


def describe(action: Action) -> str:
    """One line for a log or a screen."""
    shown = [f"{entry.name}={getattr(action, entry.name)}" for entry in fields(action) if entry.name != "gates"]
    return f"{type(action).__name__}({', '.join(shown)})"
