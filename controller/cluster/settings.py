"""What can be set about the controller: by environment (CONTROLLER_…)."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from controller.cluster.key import Key
from mlops.errors import NotFound


class Settings(BaseSettings):
    """Watch the Models and ModelVersions of one namespace, or of all of them."""

    model_config = SettingsConfigDict(env_prefix="CONTROLLER_", frozen=True)

    namespace: str | None = Field(None, description="Namespace to watch, and of the Lease; unset, the one of the pod.")
    scope: Literal["namespace", "cluster"] = Field(
        "namespace",
        description="Whose Models are kept: those of one namespace, or of every one; then a model is called "
        "NAMESPACE.NAME in the registry, in metrics, and where it is asked over HTTP.",
    )
    kubeconfig: str | None = Field(None, description="Kubeconfig to connect with; unset, the pod's own account.")
    predictor_image: str = Field(description="Image that serves, where a Model names none.")
    jobs_image: str = Field(description="Image that fetches, evaluates and trains.")
    registry: str = Field(description="Address of the MLflow server.")
    registry_secret: str | None = Field(
        None, description="Secret of MLFLOW_TRACKING_… variables by which pods log in to MLflow; unset, they need not."
    )
    prometheus: str | None = Field(
        None, description="Address of Prometheus; unset, gates on live traffic have no data."
    )
    traffic: Literal["gatewayAPI", "service"] = Field(
        "gatewayAPI",
        description="How users are led: by an HTTPRoute that splits them, or by a Service, to one version alone.",
    )
    gateway: str = Field("gateway/recipes", description="NAMESPACE/NAME of the Gateway that routes attach to.")
    hostname: str = Field(
        "{model}.example",
        description="Host of a model that names none; {model} is its name, {namespace} where it is.",
    )
    api_service: str | None = Field(
        None, description="Service of the controller, to route /models and /retrain to beside the predictors."
    )
    feedback_claim: str | None = Field(
        None, description="PersistentVolumeClaim that predictors keep feedback on, and retraining reads it from."
    )
    user_salt_secret: str | None = Field(
        None, description="Secret whose key `salt` makes a user the same to every pod; unset, to none."
    )
    predictor_priority_class: str | None = Field(
        None, description="PriorityClass of the pods that serve; unset, the cluster's default."
    )
    jobs_priority_class: str | None = Field(
        None, description="PriorityClass of the pods that verify, judge and train; unset, the cluster's default."
    )
    workers: int = Field(4, ge=1, le=64, description="Models that are worked on at once.")
    http_port: int = Field(
        8080, ge=1, le=65535, description="Port of /models, /retrain/check, /metrics and the probes."
    )
    lease: str = Field("recipe-recommender", description="Lease that the replica holds which decides.")
    identity: str | None = Field(None, description="Name of this replica in the Lease; unset, the host's.")
    compare_seconds: float = Field(
        300.0, ge=5, description="How often everything is compared with the API, so that a dead watch is noticed."
    )
    otel: dict[str, str] = Field(
        default_factory=lambda: {name: os.environ[name] for name in sorted(os.environ) if name.startswith("OTEL_")},
        description="OpenTelemetry's variables for pods; unset, the controller's own `OTEL_…` variables.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Level of our own loggers.")
    log_levels: dict[str, Literal["DEBUG", "INFO", "WARNING", "ERROR"]] = Field(
        default_factory=dict,
        description='Levels of single loggers, as JSON: {"mlops": "DEBUG"}. In a process that runs: docs/operating.md.',
    )

    @model_validator(mode="after")
    def _hosts_do_not_meet(self) -> Settings:
        if self.scope == "cluster" and "{namespace}" not in self.hostname:
            raise ValueError(
                f"hostname {self.hostname!r} would give two Models of one name the same host: with scope=cluster "
                "it has to hold {namespace}, such as {model}.{namespace}.example"
            )
        return self

    def called(self, key: Key) -> str:
        """Return what a Model is called where namespaces end: in the registry, artefacts, metrics and over HTTP."""
        return f"{key.namespace}.{key.model}" if self.scope == "cluster" else key.model

    def key_of(self, called: str, home: str) -> Key:
        """Return the Model that is called so; `home` is the controller's own namespace. Raises NotFound."""
        if self.scope == "namespace":
            return Key(home, called)
        namespace, dot, model = called.partition(".")  # a namespace has no dot
        if not (namespace and dot and model):
            raise NotFound(f"{called[:128]!r} names no Model", hint="write NAMESPACE.NAME: this controller keeps all")
        return Key(namespace, model)
