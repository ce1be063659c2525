"""`Model`: one served model, and the one place that says which of its versions is in production."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from controller.resource.fields import Quantity, SemVer, ShortText
from controller.resource.meta import Meta
from controller.resource.model_status import ModelStatus
from controller.resource.policy import (
    DEFAULTS,
    NEVER,
    ApprovalPolicy,
    Evaluation,
    Policy,
    Retraining,
    Rollback,
    Rollout,
)
from controller.resource.problems import Broken, Problem

Replicas = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Processor and memory, as Kubernetes writes them."""

    cpu: Quantity | None = None
    memory: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a predictor pod asks for, and what it may take at most."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How versions are served. The embedded shell serves in its own process and heeds none of it."""

    image: ShortText | None = None
    min_replicas: Replicas = 1
    max_replicas: Replicas | None = None
    resources: Resources = Resources()
    hostname: ShortText | None = None
    gateway: ShortText | None = None

    def __post_init__(self) -> None:
        """Refuse a ceiling below the floor."""
        if self.max_replicas is not None and self.max_replicas < self.min_replicas:
            reason = f"{self.max_replicas} is less than minReplicas {self.min_replicas}"
            raise Broken((Problem(("maxReplicas",), reason),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What people want of a model: everything has a default."""

    serving: Serving = Serving()
    evaluation: Evaluation = DEFAULTS.evaluation
    approval: ApprovalPolicy = DEFAULTS.approval
    rollout: Rollout = DEFAULTS.rollout
    rollback: Rollback = DEFAULTS.rollback
    retraining: Retraining = NEVER
    pinned_version: SemVer | None = None
    paused: bool = False

    @property
    def policy(self) -> Policy:
        """The blocks that rule an attempt, where a version replaces none of them."""
        return Policy(evaluation=self.evaluation, approval=self.approval, rollout=self.rollout, rollback=self.rollback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One served model."""

    meta: Meta
    spec: ModelSpec = ModelSpec()
    status: ModelStatus | None = None

    @property
    def name(self) -> str:
        """The model's name; versions refer to it."""
        return self.meta.name
