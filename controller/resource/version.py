"""`ModelVersion`: an immutable candidate, with one mutable lever, its intent."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from controller.metrics import Source
from controller.resource.fields import Digest, DnsLabel, SemVer, ShortText
from controller.resource.gate import Gates, gate_problems
from controller.resource.meta import Meta
from controller.resource.model import ModelSpec
from controller.resource.policy import ApprovalPolicy, Policy, Retraining, Rollback, Rollout
from controller.resource.problems import Broken, Problem
from controller.resource.version_status import VersionStatus


class Intent(StrEnum):
    """What the person who owns a version wants of it now."""

    PROMOTE = "Promote"
    HOLD = "Hold"
    ABORT = "Abort"
    RETIRE = "Retire"


class Trigger(StrEnum):
    """What caused a version to be trained."""

    MANUAL = "Manual"
    SCHEDULED = "Scheduled"
    NEW_DATA = "NewData"
    DEGRADATION = "Degradation"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    """A version in the MLflow registry. Left out: the registered model of this name, tagged with this version."""

    name: ShortText
    """Name of the registered model."""
    version: ShortText | None = None
    """Semantic version that it is tagged with; unset, that of this ModelVersion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the artefact is: an entry of the registry or a URI, and the digest it must have, if it is known."""

    registry: RegistryEntry | None = None
    """An entry of the MLflow registry."""
    uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Where the artefact lies otherwise, such as file:///path."""
    digest: Digest | None = None
    """sha256:… that the artefact must have; unset, whatever is found is written down and kept."""

    def __post_init__(self) -> None:
        """Refuse two places at once."""
        if self.registry is not None and self.uri is not None:
            raise Broken((Problem(("uri",), "stands beside registry; give one of the two"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where the version comes from. `parent` is the version it was trained from or after."""

    trigger: Trigger = Trigger.MANUAL
    """What made it be trained."""
    parent: SemVer | None = None
    """Version it was trained from or after."""
    data_digest: ShortText | None = None
    """Of the data it was trained on."""
    run: ShortText | None = None
    """Run in MLflow."""
    job: ShortText | None = None
    """Job that trained it."""
    trace: ShortText | None = None
    """Span of what trained it, as W3C's traceparent: the rollout's trace is linked to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSpec:
    """A candidate: which model, which version; and what of the Model's policy it replaces (None: nothing)."""

    model: DnsLabel
    """Name of the Model."""
    version: SemVer
    """Semantic version, once for each model."""
    source: Origin = Origin()
    """Where the artefact is; unset, the registry has it."""
    lineage: Lineage = Lineage()
    """Where it comes from."""
    intent: Intent = Intent.PROMOTE
    """The one lever: go on, wait, or leave."""
    requested_by: ShortText | None = None
    """Who asks for it; may not approve it where separation is Enforced."""
    gates: Gates | None = None
    """In place of the Model's evaluation.gates."""
    approval: ApprovalPolicy | None = None
    """In place of the Model's."""
    rollout: Rollout | None = None
    """In place of the Model's."""
    rollback: Rollback | None = None
    """In place of the Model's."""
    retraining: Retraining | None = None
    """In place of the Model's, once it is in production."""

    def __post_init__(self) -> None:
        """Refuse gates that the Model's evaluation could not hold, and a version that is its own parent."""
        problems = list(gate_problems(self.gates or (), Source.OFFLINE))
        if self.lineage.parent == self.version:
            problems.append(Problem(("lineage", "parent"), f"{self.version} cannot be its own parent"))
        Broken.unless_none(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a model."""

    meta: Meta
    spec: VersionSpec
    status: VersionStatus | None = None

    @property
    def name(self) -> str:
        """The object's name, and of all that is made for it."""
        return self.meta.name


def effective_policy(model: ModelSpec, version: VersionSpec) -> Policy:
    """The Model's policy with the blocks that the version replaces."""
    policy = model.policy
    if version.gates is not None:
        policy = replace(policy, evaluation=replace(policy.evaluation, gates=version.gates))
    return replace(
        policy,
        approval=version.approval or policy.approval,
        rollout=version.rollout or policy.rollout,
        rollback=version.rollback or policy.rollback,
    )
