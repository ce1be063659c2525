"""The controller's process against a real API server: it watches, elects, writes, stops, and notices a dead watch."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from controller.cluster.api import KubeApi
from controller.cluster.kinds import JOBS, LEASES, MODELS, VERSIONS
from tests.cluster.commands import wait_until
from tests.cluster.controller_process import controller_process, make_kinds

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

API = "mlops.recipe-recommender.io/v1alpha1"


def version(number="1.0.0"):
    return {
        "apiVersion": API, "kind": "ModelVersion", "metadata": {"name": f"recipes-{number.replace('.', '-')}"},
        "spec": {"model": "recipes", "version": number},
    }  # fmt: skip


@pytest.fixture
def shop(kubeconfig, api, namespace, tmp_path):
    """A namespace, and a way to start controllers for it."""
    make_kinds(kubeconfig)
    kube = KubeApi(namespace, api)
    with ExitStack() as stack:
        yield (
            kube,
            lambda **settings: stack.enter_context(controller_process(kubeconfig, namespace, tmp_path, **settings)),
        )
    for each in kube.list(VERSIONS):
        kube.merge(VERSIONS, each["metadata"]["name"], {"metadata": {"finalizers": None}})
    for each in kube.list(MODELS):
        kube.merge(MODELS, each["metadata"]["name"], {"metadata": {"finalizers": None}})


def job_of(kube, number="1.0.0"):
    return kube.get(JOBS, f"recipes-{number.replace('.', '-')}-verify-1")


def status_of(kube, name="recipes-1-0-0"):
    """What is written of a version; nothing yet where its Job, which comes first, is there alone."""
    return kube.get(VERSIONS, name).get("status", {})


def test_a_version_is_taken_up_and_says_so(shop):
    kube, start = shop
    start()
    kube.create(VERSIONS, version())
    wait_until(lambda: job_of(kube) is not None, "its artefact is verified by a Job", seconds=20)
    wait_until(lambda: "stage" in status_of(kube), "it says so", seconds=20)

    stored = kube.get(VERSIONS, "recipes-1-0-0")
    assert stored["status"]["stage"] == "Training"
    assert {each["type"]: each["status"] for each in stored["status"]["conditions"]}["Reconciling"] == "True"
    assert kube.get(MODELS, "recipes") is not None
    assert job_of(kube)["metadata"]["ownerReferences"][0]["uid"] == stored["metadata"]["uid"]


def test_what_happened_while_nobody_ran_is_taken_up(shop):
    kube, start = shop
    kube.create(VERSIONS, version())
    start()
    wait_until(lambda: job_of(kube) is not None, "the Job", seconds=20)


def test_a_job_that_ended_is_heard_of(shop):
    kube, start = shop
    start()
    kube.create(VERSIONS, version())
    wait_until(lambda: job_of(kube) is not None, "the Job", seconds=20)
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "took too long",
              "lastTransitionTime": "2026-07-01T00:00:00Z"}  # fmt: skip
    wait_until(lambda: "startTime" in job_of(kube).get("status", {}), "it has begun", seconds=20)
    job = job_of(kube)
    kube.replace_status(
        JOBS,
        job | {"status": job["status"] | {"active": 0, "conditions": [failed | {"type": "FailureTarget"}, failed]}},
    )
    wait_until(lambda: "took too long" in status_of(kube).get("message", ""), "the reason", seconds=20)


def test_of_two_one_decides_and_when_it_is_killed_the_other_does(shop):
    kube, start = shop
    first = start()
    wait_until(lambda: first.leads, "the first leads")
    second = start()
    assert not second.leads
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    kube.create(VERSIONS, version())
    wait_until(lambda: job_of(kube) is not None, "the other takes up the version", seconds=40)
    assert second.leads
    assert kube.get(LEASES, "recipe-recommender")["spec"]["leaseTransitions"] == 1


def test_who_is_stopped_gives_the_lease_back(shop):
    _, start = shop
    first = start()
    wait_until(lambda: first.leads, "the first leads")
    second = start()
    first.process.terminate()
    assert first.process.wait(timeout=20) == 0, first.log.read_text()[-2000:]
    wait_until(lambda: second.leads, "the other leads at once", seconds=12)


def test_who_lost_the_lease_ends_before_anything_is_written_twice(shop):
    kube, start = shop
    first = start()
    wait_until(lambda: first.leads, "it leads")
    lease = kube.get(LEASES, "recipe-recommender")
    stolen = {**lease["spec"], "holderIdentity": "somebody", "renewTime": "2099-01-01T00:00:00.000000Z"}
    wait_until(
        lambda: kube.replace(LEASES, {**kube.get(LEASES, "recipe-recommender"), "spec": stolen}) is not None, "stolen"
    )
    assert first.process.wait(timeout=30) == 6
    assert "leadership is lost" in first.log.read_text()
