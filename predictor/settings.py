"""What can be set about the predictor process: by environment (PREDICTOR_…) or by a flag of the same name."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, CliSuppress, SettingsConfigDict

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(BaseSettings):
    """Serve one recommendation model over KServe V1 and V2 (REST, gRPC) and the product's own HTTP API."""

    model_config = SettingsConfigDict(
        env_prefix="PREDICTOR_", frozen=True, cli_prog_name="python -m predictor", cli_kebab_case=True
    )

    artifact: Path = Field(description="Folder of the artefact to serve.")
    digest: str | None = Field(None, description="Refuse an artefact with another digest than this.")
    model_name: str = Field("recipes", description="Name in KServe's paths: /v1/models/NAME:predict.")
    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - a pod is reached from outside it
    http_port: int = Field(8080, ge=1, le=65535, description="Port for HTTP.")
    grpc_port: int = Field(8081, ge=0, le=65535, description="Port for gRPC; 0 turns gRPC off.")

    translator: Literal["auto", "apertium", "identity", "marian", "http"] = Field(
        "auto", description="How Spanish queries become English; auto takes Apertium where it is installed."
    )
    translator_target: str | None = Field(
        None, description="What the translator needs: the folder of marian, the URL of http."
    )

    workers: int = Field(2, ge=1, le=64, description="Threads that answer queries; as many as there are cores.")
    max_waiting: int = Field(
        32,
        ge=0,
        le=10_000,
        description="Requests that may wait for a thread; more get 429, then for 1 s half as many may.",
    )
    max_requests: int = Field(
        256, ge=1, le=100_000, description="Requests read or answered, whole questions apart; more get 429."
    )
    remember_megabytes: int = Field(
        96, ge=0, le=65_536, description="Memory for answers given lately, which are given again; 0 computes each."
    )
    deadline_seconds: float = Field(5.0, gt=0, le=300, description="Waiting and answering; then 504.")
    receive_seconds: float = Field(
        10.0, gt=0, le=300, description="For a client to send headers, and then a body; then 408 or the end."
    )
    max_body_bytes: int = Field(256 * 1024, ge=1024, le=64 << 20, description="Largest request body; more get 413.")
    grace_seconds: int = Field(30, ge=0, le=3600, description="For requests under way when asked to stop.")

    api_token: CliSuppress[SecretStr | None] = Field(
        None, description="Bearer token that POST /retrain/check asks for; unset, anybody may."
    )
    user_salt: CliSuppress[SecretStr | None] = Field(
        None, description="Salt of user hashes; unset, a new one at each start, so users are not recognised after it."
    )

    feedback_folder: Path | None = Field(None, description="Where feedback is kept; unset, POST /feedback answers 503.")
    feedback_fsync: bool = Field(True, description="Acknowledge feedback only once it survives a loss of power.")
    feedback_days: int = Field(
        365, ge=1, le=36_500, description="Days that feedback, and what was shown, are kept for learning."
    )
    least_free_bytes: int = Field(100 << 20, ge=0, description="Less free disk than this makes /health degraded.")

    metrics_folder: Path | None = Field(
        None, description="Where measurements are kept, to be known after a start; unset, they go with the process."
    )
    metrics_days: int = Field(7, ge=1, le=3650, description="Days that measurements are kept.")
    alert_p95_ms: float = Field(500.0, gt=0, description="Alert when 95 % of five minutes' answers take longer.")
    alert_error_rate: float = Field(0.02, gt=0, le=1, description="Alert when more of five minutes' requests fail.")
    alert_stale_days: float = Field(90.0, gt=0, description="Alert when the model was trained longer ago.")
    alert_repeat_seconds: float = Field(
        3600.0, ge=60, description="An alert that goes on, or comes back, is told again after this."
    )
    alert_webhook: CliSuppress[SecretStr | None] = Field(
        None, description="Address that alerts are sent to, in the form of Alertmanager's webhook; unset, to the log."
    )

    log_folder: Path | None = Field(None, description="Folder of daily log files; unset, logs go to standard output.")
    log_level: Level = Field("INFO", description="Level of the product's loggers.")
    log_levels: dict[str, Level] = Field(
        default_factory=dict,
        description='Levels of single loggers, as JSON: {"mlops": "DEBUG"}. In a process that runs: docs/operating.md.',
    )
