"""Two versions in one real process: a user gets the same one over every protocol, and every answer says which."""

from __future__ import annotations

import json

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from predictor.slot import Share, Slot
from tests.builders.predictor_process import predictor_process
from tests.fakes.recommender import fake_model

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]

SPLIT = {"1.0.0": 60, "1.1.0": 40}
USERS = [f"u-{number}" for number in range(25)]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    split = " ".join(f"{version}={weight}" for version, weight in SPLIT.items())
    with predictor_process(tmp_path_factory.mktemp("predictor"), FAKE_SPLIT=split) as process:
        process.wait_until_ready()
        yield process


def text(name, value):
    return {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}


def recommend(predictor, user):
    answer = predictor.recommend("soup", user_id=user)
    return {answer.headers["x-model-version"], answer.json()["version"]}


def v1(predictor, user):
    instances = [{"query": "soup", "user_id": user}, {"query": "stew", "user_id": user}, {"query": "cake"}]
    answer = predictor.post("/v1/models/recipes:predict", {"instances": instances})
    return {answer.headers["x-model-version"], *(one["version"] for one in answer.json()["predictions"])}


def v2(predictor, user):
    answer = predictor.post("/v2/models/recipes/infer", {"inputs": [text("query", "soup"), text("user_id", user)]})
    body = answer.json()
    (payload,) = (output["data"][0] for output in body["outputs"] if output["name"] == "payload")
    return {answer.headers["x-model-version"], body["model_version"], json.loads(payload)["version"]}


def v2_grpc(predictor, user):
    tensors = [
        pb.ModelInferRequest.InferInputTensor(
            name=name, datatype="BYTES", shape=[1], contents=pb.InferTensorContents(bytes_contents=[value.encode()])
        )
        for name, value in (("query", "soup"), ("user_id", user))
    ]
    with grpc.insecure_channel(f"127.0.0.1:{predictor.grpc_port}") as channel:
        response = GRPCInferenceServiceStub(channel).ModelInfer(
            pb.ModelInferRequest(model_name="recipes", inputs=tensors)
        )
    return {response.model_version}


@pytest.mark.parametrize("protocol", [recommend, v1, v2, v2_grpc])
def test_a_user_gets_the_same_version_over_every_protocol(predictor, protocol):
    expected = Slot()
    expected.serve([Share(fake_model(version), weight) for version, weight in SPLIT.items()])

    answers = {user: protocol(predictor, user) for user in USERS}

    assert answers == {user: {expected.choose(user).version} for user in USERS}
    assert {version for versions in answers.values() for version in versions} == set(SPLIT)


def test_a_batch_of_several_users_has_one_version(predictor):
    instances = [{"query": "soup", "user_id": user} for user in USERS]
    seen = set()
    for _ in range(20):
        answer = predictor.post("/v1/models/recipes:predict", {"instances": instances})
        versions = {one["version"] for one in answer.json()["predictions"]}
        assert versions == {answer.headers["x-model-version"]}
        seen |= versions

    assert seen == set(SPLIT), "each batch is placed anew"


def test_what_takes_traffic_is_shown(predictor):
    health = predictor.get("/health").json()
    metrics = predictor.get("/metrics").text

    assert {share["version"]: share["weight"] for share in health["traffic"]} == SPLIT
    for version, weight in SPLIT.items():
        assert f'recipes_traffic_weight{{model="recipes",version="{version}"}} {weight:.1f}' in metrics
