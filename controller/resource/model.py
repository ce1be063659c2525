"""`Model`: one served model, and the one place that says which of its versions is in production."""

from dataclasses import dataclass
from enum import StrEnum
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
    """Processor, such as 500m."""
    memory: Quantity | None = None
    """Memory, such as 1Gi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a predictor pod asks for, and what it may take at most."""

    requests: Amounts = Amounts()
    """What a node must have free for a pod."""
    limits: Amounts = Amounts()
    """What a pod may take at most."""


class Load(StrEnum):
    """What an autoscaler holds near its target."""

    CPU = "cpu"
    MEMORY = "memory"
    REQUESTS = "requests"


_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """How many pods a version has, between minReplicas and maxReplicas."""

    metric: Load = Load.CPU
    """`cpu` or `memory` of what pods request, by an HPA; or users' `requests`, by KEDA, which asks Prometheus."""
    target: Annotated[int, Field(ge=1, le=100_000)] = 80
    """What is held: percent of what a pod requests; of `requests`, so many a second for each pod."""

    def __post_init__(self) -> None:
        """Refuse more than all of what a pod requests, as KServe does."""
        if self.metric is not Load.REQUESTS and self.target > _PERCENT:
            raise Broken((Problem(("target",), f"{self.target} percent of {self.metric} is more than a pod requests"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How versions are served. The embedded shell serves in its own process and heeds none of it."""

    image: ShortText | None = None
    """Image that serves; unset, the one of the release."""
    min_replicas: Replicas = 1
    """Pods of each version that is served."""
    max_replicas: Replicas | None = None
    """Pods at most; unset, none scales."""
    autoscaling: Autoscaling | None = None
    """What scales up to maxReplicas; unset, processor use of 80 percent."""
    resources: Resources = Resources()
    """Of each pod."""
    hostname: ShortText | None = None
    """Host that users ask; unset, as the release says (`hostname`)."""
    gateway: ShortText | None = None
    """NAMESPACE/NAME of the Gateway; unset, the one of the release."""

    def __post_init__(self) -> None:
        """Refuse a ceiling below the floor, and none where one is needed."""
        if self.max_replicas is not None and self.max_replicas < self.min_replicas:
            reason = f"{self.max_replicas} is less than minReplicas {self.min_replicas}"
            raise Broken((Problem(("maxReplicas",), reason),))
        if self.autoscaling is not None and self.max_replicas is None:
            raise Broken((Problem(("autoscaling",), "nothing scales without maxReplicas"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What people want of a model: everything has a default."""

    serving: Serving = Serving()
    """How versions are served."""
    evaluation: Evaluation = DEFAULTS.evaluation
    """How a version is judged before users see it."""
    approval: ApprovalPolicy = DEFAULTS.approval
    """Whether a person has to agree."""
    rollout: Rollout = DEFAULTS.rollout
    """How users are led to a version, step by step."""
    rollback: Rollback = DEFAULTS.rollback
    """What happens when it fails in production."""
    retraining: Retraining = NEVER
    """When the version in production is trained anew."""
    pinned_version: SemVer | None = None
    """Keep production at this version; nothing else goes out. Unset, the newest that passes wins."""
    paused: bool = False
    """Nothing advances; rollbacks still happen."""

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
