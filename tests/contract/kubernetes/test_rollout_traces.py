"""A rollout, and the Job that it asked for, as one trace in a real OpenTelemetry Collector; and the controller's metrics."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.cluster.api import KubeApi
from controller.cluster.kinds import JOBS, MODELS, VERSIONS
from tests.builders.trace_collector import trace_collector
from tests.cluster.commands import wait_until
from tests.cluster.controller_process import controller_process, make_kinds
from tests.cluster.otel_collector import built, running
from tests.cluster.toolchain import NotBuilt

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

JOB, VERSION = "recipes-1-0-0-verify-1", "recipes-1-0-0"


def test_a_rollout_and_its_job_are_one_trace(kubeconfig, api, namespace, tmp_path, monkeypatch):
    try:
        built()
    except NotBuilt as absent:
        pytest.skip(str(absent))
    make_kinds(kubeconfig)
    kube = KubeApi(namespace, api)
    with trace_collector() as (url, received), running(tmp_path, url) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.grpc)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        with controller_process(kubeconfig, namespace, tmp_path) as controller:
            kube.create(VERSIONS, {
                "apiVersion": "mlops.recipe-recommender.io/v1alpha1", "kind": "ModelVersion",
                "metadata": {"name": VERSION}, "spec": {"model": "recipes", "version": "1.0.0"},
            })  # fmt: skip
            wait_until(lambda: kube.get(JOBS, JOB) is not None, "its artefact is verified by a Job", seconds=40)
            wait_until(lambda: "startTime" in kube.get(JOBS, JOB).get("status", {}), "it has begun", seconds=40)
            job = kube.get(JOBS, JOB)
            as_in_its_pod(job, tmp_path)
            failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it gave up",
                      "lastTransitionTime": "2026-07-01T00:00:00Z"}  # fmt: skip
            conditions = [failed | {"type": "FailureTarget"}, failed]
            kube.replace_status(JOBS, job | {"status": job["status"] | {"active": 0, "conditions": conditions}})
            wait_until(
                lambda: "it gave up" in kube.get(VERSIONS, VERSION).get("status", {}).get("message", ""),
                "the reason", seconds=40,
            )  # fmt: skip
            assert {line["level"] for line in rounds(controller)} <= {"info", "warning"}, "who only looked says nothing"
            controller.process.send_signal(signal.SIGUSR1)
            wait_until(
                lambda: "loggers have other levels" in controller.log.read_text(), "the signal is taken", seconds=10
            )
            kube.merge(VERSIONS, VERSION, {"metadata": {"annotations": {"looked-at": "again"}}})
            wait_until(
                lambda: any(line["level"] == "debug" for line in rounds(controller)), "a line of a look", seconds=20
            )
        told = rounds(controller)
        spans = {span.name: span for span in received.spans}
        services, metrics = received.services, received.newest_metrics
    let_go(kube)

    assert [line["acts"].get("VerifyArtifact") for line in told].count(1) == 1
    assert {line["model"] for line in told} == {"recipes"}
    verify = spans["verify"]
    (wait,) = [span for name, span in spans.items() if name != "verify"][:1]
    assert services == {"recipe-recommender-controller", "recipes-jobs"}
    assert verify.trace_id == wait.trace_id, "what it waited for, and who did it, are of one rollout"
    assert verify.parent_span_id == wait.parent_span_id, "below the rollout itself"
    assert verify.status.code == 2, "the registry was not there"
    assert "recipes_controller_reconcile_duration_seconds" in metrics
    assert "recipes_versions" in metrics


def rounds(controller):
    lines = [
        json.loads(line)
        for line in controller.log.read_text().splitlines()
        if line.startswith("{") and line.endswith("}")
    ]
    return [line for line in lines if line["event"] == "round"]


def as_in_its_pod(job, folder):
    """Do what the Job's container is told, with its own variables; nobody answers at the registry's address."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    quick = {"RECIPES_ANSWER_FILE": str(folder / "answer"), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, *container["command"][1:]]
    done = subprocess.run(command, env=clean | told | quick, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode in (5, 6)


def let_go(kube):
    for kind in (VERSIONS, MODELS):
        for each in kube.list(kind):
            kube.merge(kind, each["metadata"]["name"], {"metadata": {"finalizers": None}})
