"""What stands beside the product in a cluster: Prometheus that scrapes it, MLflow over PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from mlops.model_registry import open_registry
from tests.cluster.commands import wait_until
from tests.e2e.prometheus import running_prometheus
from tests.e2e.registry import PORT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_prometheus_counts_what_the_users_asked(world, served, tmp_path):
    service = f"http://{world.kube.address(f'{served}-predictor')}"
    of_it = f'pod=~"{served}-predictor-.*"'
    counted = f'sum(recipes_request_duration_seconds_count{{route="/recommend",status="200",{of_it}}})'
    with running_prometheus(world.kube, tmp_path / "prometheus") as prometheus:

        def every_pod_is_scraped() -> bool:
            """Each counts from its own start, so one that joins or leaves between two sums would move them."""
            pods = world.kube.list("pods", f"serving.kserve.io/inferenceservice={served}")
            return prometheus.labels(f"recipes_model_info{{{of_it}}}", "pod") == {p["metadata"]["name"] for p in pods}

        wait_until(every_pod_is_scraped, "a scrape of every pod")
        before = prometheus.value(counted) or 0
        for _ in range(7):
            httpx.post(f"{service}/recommend", json={"query": "lentil soup"}, timeout=30).raise_for_status()

        wait_until(lambda: prometheus.value(counted) == before + 7, "seven more requests")


def test_the_registry_outlives_its_pod(world, tmp_path):
    kube = world.kube
    kube("rollout", "restart", "deployment/mlflow")
    kube("rollout", "status", "deployment/mlflow", "--timeout=180s")

    with open_registry(f"http://{kube.address('mlflow')}:{PORT}", lambda: datetime(2026, 1, 1, tzinfo=UTC)) as registry:
        found = registry.get("recipes", "1.0.0")
        folder = registry.download(found, tmp_path / "artifact")

    assert found.digest == world.digest
    assert (folder / "manifest.json").is_file()
