"""A hand-written InferenceService of our image, under the real KServe."""

from __future__ import annotations

from collections import Counter

import grpc
import httpx
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.cluster.commands import CommandFailed, wait_until
from tests.e2e.load import Load
from tests.e2e.pods import inference_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(params=["Service", "Gateway"])
def client(request, world, served):
    if request.param == "Service":
        base, headers = f"http://{world.kube.address(f'{served}-predictor')}", {}
    else:
        base, headers = world.gateway, {"host": world.host}
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        yield client


ASKED = {
    "the product's own": ("/recommend", {"query": "lentil soup", "k": 3}, lambda body: body["recipes"]),
    "KServe V1": (
        "/v1/models/recipes:predict", {"instances": [{"query": "lentil soup", "k": 3}]}, lambda body: body["predictions"][0],
    ),
    "KServe V2": (
        "/v2/models/recipes/infer",
        {"inputs": [{"name": "query", "shape": [1], "datatype": "BYTES", "data": ["lentil soup"]}]},
        lambda body: body["outputs"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "question", "of"), ASKED.values(), ids=ASKED.keys())
def test_each_protocol_answers(client, path, question, of):
    answer = client.post(path, json=question)

    assert answer.status_code == 200, answer.text
    assert of(answer.json())
    assert answer.headers["x-model-version"] == "1.0.0"


@pytest.mark.parametrize("way", ["Service", "Gateway"])
def test_grpc_answers(world, served, way):
    if way == "Service":
        target, options = f"{world.kube.address(f'{served}-predictor')}:8081", []
    else:
        target, options = world.gateway.removeprefix("http://"), [("grpc.default_authority", f"grpc.{world.host}")]
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="query", datatype="BYTES", shape=[1], contents=pb.InferTensorContents(bytes_contents=[b"lentil soup"])
    )
    with grpc.insecure_channel(target, options=options) as channel:
        answer = GRPCInferenceServiceStub(channel).ModelInfer(
            pb.ModelInferRequest(model_name="recipes", inputs=[tensor]), timeout=30
        )

    assert answer.outputs


def test_a_pod_that_goes_loses_no_request(world, served):
    """It is sent SIGTERM under load, with another beside it; what reaches it before the routes change is answered."""
    asked = Counter()
    with Load(world.gateway, world.host, per_second=40) as load:
        load.wait_for(40)
        pods = world.kube.list("pods", f"serving.kserve.io/inferenceservice={served}")
        victim = pods[0]["metadata"]["name"]
        world.kube("delete", "pod", victim, "--wait=true")
        world.kube.wait("deployment", f"{served}-predictor", "Available")
        load.wait_for(80)
    asked.update(load.answers)

    assert asked.pop(200) >= 120
    assert not asked, load.failures[:3]


def test_it_is_ready_when_it_answers_and_not_before(world):
    """Whoever is led to it once it says that it is ready gets an answer."""
    kube, name = world.kube, "recipes-loading"
    kube.apply(
        inference_service(
            name, world.images["predictor"], version="1.0.0", digest=world.digest, registry=world.registry
        )
    )
    said, answered = [], []
    try:
        wait_until(lambda: kube.list("pods", f"serving.kserve.io/inferenceservice={name}"), "a pod")
        pod = kube.list("pods", f"serving.kserve.io/inferenceservice={name}")[0]["metadata"]["name"]
        wait_until(lambda: kube.get("pod", pod)["status"].get("podIP"), "an address")
        base = f"http://{kube.get('pod', pod)['status']['podIP']}:8080"

        def ready() -> bool:
            said.append(_status("GET", f"{base}/v2/models/recipes/ready"))
            is_ready = kube.condition("pod", pod, "Ready") == "True"
            if is_ready:
                answered.append(_status("POST", f"{base}/recommend", {"query": "lentil soup"}))
            return is_ready

        wait_until(ready, "Ready", seconds=120)
    finally:
        kube("delete", "inferenceservice", name)

    assert set(said) <= {0, 503, 200}, said
    assert said[0] != 200
    assert answered == [200]


def test_another_digest_is_refused_and_the_pod_says_why(world):
    kube, name, wrong = world.kube, "recipes-wrong", f"sha256:{'0' * 64}"
    kube.apply(
        inference_service(name, world.images["predictor"], version="1.0.0", digest=wrong, registry=world.registry)
    )

    def message() -> str:
        for pod in kube.list("pods", f"serving.kserve.io/inferenceservice={name}"):
            for container in pod["status"].get("initContainerStatuses", []):
                for state in (container["state"], container["lastState"]):
                    if "terminated" in state:
                        return state["terminated"].get("message", "")
        return ""

    try:
        wait_until(lambda: message() != "", "the pod says why", seconds=90)
        said = message()
        assert world.digest in said
        assert wrong in said
        assert kube.condition("inferenceservice", name, "Ready") != "True"
    finally:
        kube("delete", "inferenceservice", name)


def test_the_container_is_neither_root_nor_able_to_write(world, served):
    pod = world.kube.list("pods", f"serving.kserve.io/inferenceservice={served}")[0]["metadata"]["name"]

    def inside(program: str) -> str:
        return world.kube("exec", pod, "-c", "kserve-container", "--", "python", "-c", program)

    assert inside("import os; print(os.getuid())").strip() == "65532"
    with pytest.raises(CommandFailed, match="Read-only file system"):
        inside("open('/opt/app/new', 'w')")
    with pytest.raises(CommandFailed, match="No module named 'torch'"):
        inside("import torch")
    with pytest.raises(CommandFailed, match="No such file"):
        inside("import subprocess; subprocess.run(['cc'])")


def _status(method: str, url: str, body: dict | None = None) -> int:
    """Return the status, 0 where nobody listens."""
    try:
        return httpx.request(method, url, json=body, timeout=10).status_code
    except httpx.TransportError:
        return 0
