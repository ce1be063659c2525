"""`kubectl recipes VERB -n NAMESPACE`: what says where may stand anywhere, as for kubectl."""

import pytest

from controller.cluster.kinds import DEPLOYMENTS, INFERENCE_SERVICES, JOBS, PODS, VERSION
from controller.cluster.serving import ISVC
from controller.stages import Stage
from mlops.cli.children import told
from mlops.cli.kubectl import in_front
from mlops.cli.waiting import until
from mlops.errors import Transient


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("status", "status"),
        ("status -n shop", "--namespace=shop status"),
        ("-n shop abort 1.1.0", "--namespace=shop abort 1.1.0"),
        ("abort 1.1.0 --context=prod --model soups", "--context=prod --model=soups abort 1.1.0"),
        ("apply -f - --kubeconfig k", "--kubeconfig=k apply -f -"),
        ("explain -- -n", "explain -- -n"),
        ("status -n", "status -n"),
    ],
)
def test_what_says_where_comes_first(typed, read):
    assert in_front(typed.split()) == read.split()


def test_a_pod_that_does_not_come_up_is_named_with_its_reason():
    named = {"name": "recipes-1-0-0", "annotations": {VERSION: "1.0.0"}}
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    (child,) = told({
        INFERENCE_SERVICES: [{"metadata": named}],
        DEPLOYMENTS: [{"metadata": {"name": "recipes-1-0-0-predictor"}, "spec": {"replicas": 2}, "status": {}}],
        PODS: [{"metadata": {"name": "p", "labels": {ISVC: "recipes-1-0-0"}},
                "status": {"containerStatuses": [waiting]}}],
    })  # fmt: skip
    assert (child.version, child.well) == ("1.0.0", False)
    assert child.state == "0 of 2 pods ready; p: ImagePullBackOff no such image"


@pytest.mark.parametrize(
    ("status", "state", "well"),
    [
        ({}, "waits", True),
        ({"active": 1}, "runs", True),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, "complete", True),
        ({"conditions": [{"type": "Failed", "status": "True", "message": "too late"}]}, "failed: too late", False),
    ],
)
def test_a_job_says_how_far_it_is(status, state, well):
    job = {"metadata": {"name": "j", "annotations": {VERSION: "1.0.0"}}, "status": status}
    (child,) = told({JOBS: [job]})
    assert (child.state, child.well) == (state, well)


def test_waiting_for_what_nobody_looks_at_ends():
    clock = iter(range(100))
    with pytest.raises(Transient, match="nobody has looked at it yet"):
        until(lambda: None, Stage.PRODUCTION, 5, lambda: next(clock), lambda _seconds: None)
