"""MLflow as a pod over PostgreSQL, with the artefacts on a volume; and versions that a Job trained into it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.pods import POD_SECURITY, SCRATCH, container, local_volume

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.kube import Kube

PORT = 5000
URI = f"http://mlflow:{PORT}"


def install(kube: Kube, image: str, *, database: int, folder: Path) -> None:
    """Start MLflow over the PostgreSQL of this machine, with `folder` as its volume."""
    server = container(
        "mlflow", image, memory="1536Mi", mounts={"artifacts": "/artifacts"},
        command=["mlflow", "server"],
        args=[
            f"--backend-store-uri=postgresql+psycopg://postgres@{kube.host}:{database}/postgres",
            "--artifacts-destination=/artifacts", "--serve-artifacts", "--host=0.0.0.0", f"--port={PORT}", "--workers=1",
            f"--allowed-hosts=mlflow,mlflow:{PORT},mlflow.*,10.*,localhost:*", "--uvicorn-opts=--no-access-log",
        ],
        env=[{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        ports=[{"containerPort": PORT, "name": "http"}],
        # Probed by an address that is not among the allowed hosts.
        readinessProbe={"httpGet": {"path": "/health", "port": PORT, "httpHeaders": [{"name": "Host", "value": "mlflow"}]},
                        "periodSeconds": 2},
    )  # fmt: skip
    kube.apply(
        *local_volume(kube, "artifacts", folder, "5Gi"),
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "mlflow"},
            "spec": {
                "selector": {"matchLabels": {"app": "mlflow"}}, "strategy": {"type": "Recreate"},
                "template": {"metadata": {"labels": {"app": "mlflow"}}, "spec": {
                    "securityContext": POD_SECURITY, "automountServiceAccountToken": False, "containers": [server],
                    "enableServiceLinks": False, "terminationGracePeriodSeconds": 5,
                    "volumes": [SCRATCH, {"name": "artifacts", "persistentVolumeClaim": {"claimName": "artifacts"}}],
                }},
            },
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "mlflow"},
            "spec": {"selector": {"app": "mlflow"}, "ports": [{"port": PORT, "name": "http"}]},
        },
    )  # fmt: skip
    kube.wait("deployment", "mlflow", "Available")


def train(kube: Kube, image: str, version: str, model: str = "recipes") -> str:
    """Train and register a version by a Job, and return its digest."""
    name = f"train-{model}-{version}".replace(".", "-")
    words = ["train", "--model", model, "--version", version, "--register", "--json"]
    job = container("train", image, memory="2Gi", args=words, env=[
        {"name": "RECIPES_HOME", "value": "/tmp/home"}, {"name": "RECIPES_MLFLOW_URI", "value": URI},
    ])  # fmt: skip
    kube.apply({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "activeDeadlineSeconds": 600, "template": {"spec": {
            "restartPolicy": "Never", "securityContext": POD_SECURITY, "automountServiceAccountToken": False,
            "containers": [job], "volumes": [SCRATCH],
        }}},
    })  # fmt: skip
    kube.wait("job", name, "Complete", seconds=300)
    lines = kube("logs", f"job/{name}").splitlines()
    trained: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return trained["digest"]


_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
}  # fmt: skip
