"""The same bed where Docker and kind work: `python -m tests.cluster.kind up`.

KServe, a Gateway and cert-manager come from their published charts; the product's images are built from the Dockerfile
and loaded into the node. Each step may be repeated.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tests.cluster import images, values
from tests.cluster.commands import CommandFailed, run, say, step
from tests.cluster.kserve import VALUES

CONFIG = images.ROOT / "kind-config.yaml"
CLUSTER = "recipes"
_KSERVE = "v0.20.0"
_CERT_MANAGER = "v1.17.0"
_TRAEFIK = "37.4.0"
_PROMETHEUS = "75.15.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A published chart, and what of its values we set."""

    release: str
    namespace: str
    reference: str
    version: str
    values: dict[str, str]

    def install(self) -> list[str]:
        """Return the command."""
        settings = [word for key, value in self.values.items() for word in ("--set", f"{key}={value}")]
        return [
            "helm", "upgrade", "--install", self.release, self.reference, "--version", self.version,
            "--namespace", self.namespace, "--create-namespace", "--wait", "--timeout", "5m", *settings,
        ]  # fmt: skip


CHARTS = (
    Chart(
        release="cert-manager", namespace="cert-manager", reference="oci://quay.io/jetstack/charts/cert-manager",
        version=_CERT_MANAGER, values={"crds.enabled": "true"},
    ),
    # Brings the CRDs of the Gateway API, of the standard channel.
    Chart(
        release="traefik", namespace="gateway", reference="oci://ghcr.io/traefik/helm/traefik", version=_TRAEFIK,
        values={
            "providers.kubernetesGateway.enabled": "true", "gateway.name": "recipes",
            "gateway.listeners.web.namespacePolicy.from": "All",
            "ports.web.nodePort": "30080", "ports.websecure.nodePort": "30443", "service.type": "NodePort",
        },
    ),
    Chart(release="kserve-crd", namespace="kserve", reference="oci://ghcr.io/kserve/charts/kserve-crd",
          version=_KSERVE, values={}),
    Chart(release="kserve", namespace="kserve", reference="oci://ghcr.io/kserve/charts/kserve-resources",
          version=_KSERVE, values=VALUES),
    # Prometheus with its operator, and Grafana whose sidecar finds the chart's dashboards.
    Chart(
        release="prometheus", namespace="monitoring",
        reference="oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack", version=_PROMETHEUS,
        values={
            f"prometheus.prometheusSpec.{each}SelectorNilUsesHelmValues": "false"
            for each in ("podMonitor", "serviceMonitor", "rule")
        } | {"grafana.sidecar.dashboards.searchNamespace": "ALL"},
    ),
)  # fmt: skip


def up() -> None:
    """Make the cluster, unless it is there, and bring it to where it should be. Raises CommandFailed."""
    if CLUSTER not in run("kind", "get", "clusters").split():
        with step("kind create cluster"):
            run("kind", "create", "cluster", "--config", CONFIG, "--wait", "120s", seconds=900)
    for chart in CHARTS:
        with step(f"helm: {chart.release} {chart.version}"):
            run(*chart.install(), seconds=600)
    for role in images.ROLES:
        name = images.name_of(role)
        with step(f"image {name}"):
            run("docker", "build", "--target", role, "--tag", name, images.ROOT, seconds=1800)
            run("kind", "load", "docker-image", name, "--name", CLUSTER)
    watched = {kind: {"enabled": True} for kind in ("monitors", "rules", "dashboards")}
    values.write("http://prometheus-kube-prometheus-prometheus.monitoring:9090", monitoring=watched)


def main(arguments: list[str]) -> int:
    """Run `up` or `down`."""
    try:
        match arguments:
            case ["up"]:
                up()
                say(f"the Gateway listens on 127.0.0.1:8000; kubectl config use-context kind-{CLUSTER}; {values.FILE}")
            case ["down"]:
                run("kind", "delete", "cluster", "--name", CLUSTER)
            case _:
                say("python -m tests.cluster.kind up|down")
                return 2
    except CommandFailed as fault:
        say(str(fault))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
