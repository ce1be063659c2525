"""What every pod of the product looks like: no root, nothing writable but /tmp and named volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.kube import Kube

POD_SECURITY = {
    "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
SECURITY = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
SCRATCH = {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}


def container(name: str, image: str, *, memory: str = "512Mi", mounts: dict[str, str] | None = None, **rest: Any):
    """A container that may write to /tmp, and to `mounts` (volume to path)."""
    paths = {"scratch": "/tmp"} | (mounts or {})
    return {
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent", "securityContext": SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": memory}},
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in paths.items()], **rest,
    }  # fmt: skip


def inference_service(
    name: str, image: str, *, version: str, digest: str, registry: str, memory: str = "1Gi", replicas: int = 1
) -> dict[str, Any]:
    """One version by KServe's Standard mode, reachable inside the cluster only: a route of ours leads to it."""
    fetch = container(
        "fetch", image, mounts={"artifact": "/mnt/models"}, command=["python", "-m", "mlops.artifact_fetch"],
        args=["--into=/mnt/models/artifact", f"--version={version}", f"--digest={digest}", f"--registry={registry}"],
    )  # fmt: skip
    ready = {"httpGet": {"path": "/v2/models/recipes/ready", "port": 8080}}
    serve = container(
        "kserve-container", image, memory=memory, mounts={"artifact": "/mnt/models"},
        args=["--artifact=/mnt/models/artifact", f"--digest={digest}"],
        ports=[{"containerPort": 8080, "name": "http1"}, {"containerPort": 8081, "name": "h2c"}],
        startupProbe=ready | {"periodSeconds": 1, "failureThreshold": 300},
        readinessProbe=ready | {"periodSeconds": 2, "failureThreshold": 2},
        livenessProbe={"httpGet": {"path": "/v2/health/live", "port": 8080}, "periodSeconds": 10, "timeoutSeconds": 5},
        # Whoever routes here learns of the end before the server stops listening.
        lifecycle={"preStop": {"sleep": {"seconds": 5}}},
    )  # fmt: skip
    return {
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {
            "name": name, "labels": {"networking.kserve.io/visibility": "cluster-local"},
            "annotations": {"serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "none"},
        },
        "spec": {"predictor": {
            "minReplicas": replicas, "terminationGracePeriodSeconds": 60, "securityContext": POD_SECURITY,
            "automountServiceAccountToken": False,
            "initContainers": [fetch], "containers": [serve],
            "volumes": [SCRATCH, {"name": "artifact", "emptyDir": {"sizeLimit": "2Gi"}}],
        }},
    }  # fmt: skip


def local_volume(kube: Kube, claim: str, folder: Path, size: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A claim of the namespace, and its volume: a folder that this machine and the node have in common."""
    folder.mkdir(parents=True, exist_ok=True)
    name, asked = volume_name(kube, claim), {"storage": size}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [kube.node]}
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": asked, "accessModes": ["ReadWriteMany"], "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "", "local": {"path": str(folder)},
            "claimRef": {"name": claim, "namespace": kube.namespace},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }  # fmt: skip
    claimed = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
        "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": name,
                 "resources": {"requests": asked}},
    }  # fmt: skip
    return volume, claimed


def volume_name(kube: Kube, claim: str) -> str:
    """Volumes are the whole cluster's, so their names hold the namespace."""
    return f"{claim}-{kube.namespace}"


def route(name: str, host: str, backend: str, *, port: int = 80) -> dict[str, Any]:
    """Lead a host of the Gateway to a Service."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": "recipes", "namespace": "gateway"}], "hostnames": [host],
            "rules": [{"backendRefs": [{"name": backend, "port": port}]}],
        },
    }  # fmt: skip
