"""What can be set about the controller: by environment (CONTROLLER_…)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Watch the Models and ModelVersions of one namespace."""

    model_config = SettingsConfigDict(env_prefix="CONTROLLER_", frozen=True)

    namespace: str | None = Field(None, description="Namespace to watch; unset, the one of the pod.")
    kubeconfig: str | None = Field(None, description="Kubeconfig to connect with; unset, the pod's own account.")
    predictor_image: str = Field(description="Image that serves, where a Model names none.")
    jobs_image: str = Field(description="Image that fetches, evaluates and trains.")
    registry: str = Field(description="Address of the MLflow server.")
    prometheus: str | None = Field(
        None, description="Address of Prometheus; unset, gates on live traffic have no data."
    )
    gateway: str = Field("gateway/recipes", description="NAMESPACE/NAME of the Gateway that routes attach to.")
    hostname: str = Field("{model}.example", description="Host of a model that names none; {model} is its name.")
    workers: int = Field(4, ge=1, le=64, description="Models that are worked on at once.")
    health_port: int = Field(8080, ge=0, le=65535, description="Port of /healthz.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Level of our own loggers.")
