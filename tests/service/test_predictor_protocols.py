"""The predictor as clients meet it: a real process, KServe's server, both protocols over both transports."""

from __future__ import annotations

import asyncio
import json

import grpc
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]

JSON = {"content-type": "application/json"}
V1 = "/v1/models/recipes:predict"
V2 = "/v2/models/recipes/infer"


def tensor(name, data, datatype="BYTES", shape=None):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


# --- V1 ---


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain"])
def test_v1_predicts_as_recommend_answers(predictor, content_type):
    instances = [{"query": "soup", "k": 2}, {"query": "jalapeño", "k": 1, "diets": ["vegan"]}]

    answer = httpx.post(
        predictor.url + V1, content=json.dumps({"instances": instances}), headers={"content-type": content_type}
    )  # fmt: skip

    assert answer.headers["x-model-version"] == "1.0.0"
    first, second = answer.json()["predictions"]
    expected = predictor.recommend("soup", k=2).json()
    assert first["recipes"] == expected["recipes"]
    assert (len(second["recipes"]), second["filters"]["diets"]) == (1, ["vegan"])


V1_REFUSED = {
    "not JSON": (b"x", 400),
    "a lone surrogate": (b'{"instances":[{"query":"\\ud800"}]}', 400),
    "not UTF-8": (b'{"instances":[{"query":"\xff"}]}', 400),
    "nested deeply": (b'{"instances":' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
    "NaN": (b'{"instances":[{"query":"a","k":NaN}]}', 400),
    "a list": (b"[]", 422),
    "no instances": (b'{"inputs":[]}', 422),
    "instances no list": (b'{"instances":{"query":"a"}}', 400),
    "none": (b'{"instances":[]}', 422),
    "too many": (json.dumps({"instances": [{"query": "a"}] * 65}).encode(), 422),
    "texts": (b'{"instances":["soup"]}', 422),
    "k 0": (b'{"instances":[{"query":"a"},{"query":"b","k":0}]}', 422),
}


@pytest.mark.parametrize(("body", "status"), V1_REFUSED.values(), ids=V1_REFUSED.keys())
def test_v1_refuses_with_a_sentence(predictor, body, status):
    answer = httpx.post(predictor.url + V1, content=body, headers=JSON)

    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert "Traceback" not in answer.text


def test_v1_names_the_instance_and_the_field(predictor):
    answer = predictor.post(V1, {"instances": [{"query": "a"}, {"query": "b", "k": 0}]})

    assert answer.json()["error"] == "instances[1].k: Input should be greater than or equal to 1"


@pytest.mark.parametrize(("query", "status"), [("boom", 500), ("flaky", 503)])
@pytest.mark.parametrize("path", [V1, V2])
def test_no_exception_text_reaches_a_client(predictor, path, query, status):
    body = {"instances": [{"query": query}]} if path == V1 else {"inputs": [tensor("query", [query])]}

    answer = predictor.post(path, body)

    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert not any(word in answer.text for word in ("secret", "10.0.0.7", "RuntimeError"))


def test_an_unknown_model_is_not_found(predictor):
    answer = predictor.post("/v1/models/soups:predict", {"instances": [{"query": "a"}]})

    assert (answer.status_code, answer.json()["error"]) == (404, "Model with name soups does not exist.")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/models/recipes/nothing", "/v2/models/recipes/infer"])
def test_kserves_own_refusals_are_written_alike(predictor, path):
    answer = predictor.get(path)

    assert (answer.status_code in (404, 405), list(answer.json())) == (True, ["error"])


# --- V2 over REST ---


def test_v2_rest_answers_tensors(predictor):
    inputs = [tensor("query", ["soup", "stew"]), tensor("k", [3], "INT32"), tensor("language", ["en", "es"]),
              tensor("filters", ['{"max_minutes": 30}'])]  # fmt: skip

    answer = predictor.post(V2, {"id": "my-id", "inputs": inputs}, headers={"x-request-id": "r-1"})

    body = answer.json()
    outputs = {output["name"]: output for output in body["outputs"]}
    assert (body["id"], body["model_version"], answer.headers["x-request-id"]) == ("my-id", "1.0.0", "r-1")
    assert (outputs["ids"]["shape"], outputs["scores"]["shape"], outputs["payload"]["shape"]) == ([2, 3], [2, 3], [2])
    payloads = [json.loads(payload) for payload in outputs["payload"]["data"]]
    assert outputs["ids"]["data"] == [recipe["id"] for payload in payloads for recipe in payload["recipes"]]
    assert [payload["language"] for payload in payloads] == ["en", "es"]
    assert payloads[1]["filters"]["max_minutes"] == 30


def test_v2_pads_what_was_not_found(predictor):
    body = {"inputs": [tensor("query", ["nothing", "soup"]), tensor("k", [2, 1], "INT64")]}

    outputs = {output["name"]: output["data"] for output in predictor.post(V2, body).json()["outputs"]}

    assert (outputs["ids"][:2], outputs["ids"][3]) == (["", ""], "")
    assert (outputs["scores"][:2], outputs["scores"][3]) == ([0.0, 0.0], 0.0)


def test_v2_answers_binary_data_and_only_what_was_asked_for(predictor):
    body = {"inputs": [tensor("query", ["soup"]), tensor("k", [2], "INT32")],
            "outputs": [{"name": "scores", "parameters": {"binary_data": True}}]}  # fmt: skip

    answer = predictor.post(V2, body)

    length = int(answer.headers["inference-header-content-length"])
    assert np.frombuffer(answer.content[length:], dtype=np.float32).tolist() == [1.0, 0.5]


V2_REFUSED = {
    "no inputs": {"inputs": []},
    "no query": {"inputs": [tensor("k", [1], "INT32")]},
    "an unknown input": {"inputs": [tensor("query", ["a"]), tensor("user", ["u"])]},
    "numbers for texts": {"inputs": [tensor("query", [1, 2])]},
    "a shape that does not fit": {"inputs": [tensor("query", ["a"], shape=[3])]},
    "a huge shape": {"inputs": [tensor("query", ["a"], shape=[10**12])]},
    "an unknown datatype": {"inputs": [tensor("query", ["a"], "STRING")]},
    "k for another number of queries": {"inputs": [tensor("query", ["a", "b", "c"]), tensor("k", [1, 2], "INT32")]},
    "k a float": {"inputs": [tensor("query", ["a"]), tensor("k", [1.5], "FP32")]},
    "k too large": {"inputs": [tensor("query", ["a"]), tensor("k", [51], "INT32")]},
    "filters no JSON": {"inputs": [tensor("query", ["a"]), tensor("filters", ["x"])]},
    "filters with a query": {"inputs": [tensor("query", ["a"]), tensor("filters", ['{"query": "b"}'])]},
    "too many": {"inputs": [tensor("query", ["a"] * 65)]},
    "ragged": {"inputs": [tensor("query", [["a"], ["b", "c"]], shape=[2])]},
    "an unknown output": {"inputs": [tensor("query", ["a"])], "outputs": [{"name": "recipes"}]},
}


@pytest.mark.parametrize("body", V2_REFUSED.values(), ids=V2_REFUSED.keys())
def test_v2_refuses_as_the_clients_fault(predictor, body):
    answer = predictor.post(V2, body)

    assert (answer.status_code in (400, 422), list(answer.json())) == (True, ["error"])


@pytest.mark.parametrize("length", ["abc", "-1", "5", "999999", ""])
def test_v2_binary_bodies_that_lie_are_the_clients_fault(predictor, length):
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": length}

    answer = httpx.post(predictor.url + V2, content=b'{"inputs":[{"name":"query"}]}', headers=headers)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["query", "k", "language", "filters", "x"]),
        "shape": st.lists(st.integers(-2, 5), max_size=3) | JSON_VALUES,
        "datatype": st.sampled_from(["BYTES", "INT32", "INT64", "FP32", "BOOL", "FP16", "bytes", ""]),
        "data": st.lists(JSON_VALUES, max_size=4),
    },
    optional={"parameters": st.dictionaries(st.sampled_from(["binary_data_size", "x"]), JSON_VALUES, max_size=2)},
)


@settings(max_examples=120, deadline=None)
@given(body=st.fixed_dictionaries({"inputs": st.lists(TENSORS, max_size=3)}, optional={"parameters": JSON_VALUES}))
def test_whatever_tensors_are_sent_the_server_is_not_at_fault(predictor, body):
    content = json.dumps(body).encode("utf-8", "surrogatepass")

    for headers in (JSON, {"inference-header-content-length": str(len(content)), **JSON}):
        answer = httpx.post(predictor.url + V2, content=content, headers=headers)
        assert answer.status_code in (200, 400, 422), answer.text


@settings(max_examples=80, deadline=None)
@given(body=st.fixed_dictionaries({"instances": JSON_VALUES | st.lists(JSON_VALUES, max_size=3)}) | JSON_VALUES)
def test_whatever_instances_are_sent_the_server_is_not_at_fault(predictor, body):
    answer = httpx.post(predictor.url + V1, content=json.dumps(body).encode("utf-8", "surrogatepass"), headers=JSON)

    assert answer.status_code in (200, 400, 422), answer.text


# --- V2 over gRPC ---


def test_grpc_predicts_by_kserves_own_client(predictor):
    async def ask():
        client = InferenceGRPCClient(url=f"127.0.0.1:{predictor.grpc_port}")
        query = InferInput("query", [2], "BYTES", [b"soup", "jalapeño".encode()])
        count = InferInput("k", [1], "INT32", [2])
        response = await client.infer(InferRequest("recipes", [query, count]))
        await client.close()
        return response

    response = asyncio.run(ask())

    ids, scores, payload = response.outputs
    assert (ids.shape, scores.shape, payload.shape, response.model_version) == ([2, 2], [2, 2], [2], "1.0.0")
    assert scores.as_numpy()[0].tolist() == [1.0, 0.5]
    assert json.loads(payload.data[1])["query_en"] == "jalapeño"


def test_grpc_takes_raw_tensors(stub):
    request = pb.ModelInferRequest(
        model_name="recipes",
        inputs=[{"name": "query", "datatype": "BYTES", "shape": [1]}],
        raw_input_contents=[b"\x04\x00\x00\x00soup"],
    )

    response = stub.ModelInfer(request)

    assert len(response.raw_output_contents) == 3
    assert json.loads(response.raw_output_contents[2][4:])["query_en"] == "soup"


def infer(*inputs, **more):
    return pb.ModelInferRequest(model_name=more.pop("model_name", "recipes"), inputs=inputs, **more)


def texts(*values, name="query", shape=None):
    return {"name": name, "datatype": "BYTES", "shape": shape or [len(values)], "contents": {"bytes_contents": values}}


GRPC_REFUSED = {
    "no tensor": (infer(), grpc.StatusCode.INVALID_ARGUMENT),
    "not UTF-8": (infer(texts(b"\xff")), grpc.StatusCode.INVALID_ARGUMENT),
    "an empty query": (infer(texts(b"")), grpc.StatusCode.INVALID_ARGUMENT),
    "a wrong shape": (infer(texts(b"a", shape=[2])), grpc.StatusCode.INVALID_ARGUMENT),
    "raw bytes that lie": (
        infer({"name": "query", "datatype": "BYTES", "shape": [1]}, raw_input_contents=[b"\xff\xff\xff\x7fa"]),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "an unknown model": (infer(texts(b"a"), model_name="soups"), grpc.StatusCode.NOT_FOUND),
    "a failing model": (infer(texts(b"boom")), grpc.StatusCode.INTERNAL),
    "a fault that passes": (infer(texts(b"flaky")), grpc.StatusCode.UNAVAILABLE),
    "a message too large": (infer(texts(b"a" * 300_000)), grpc.StatusCode.RESOURCE_EXHAUSTED),
}


@pytest.mark.parametrize(("request_", "code"), GRPC_REFUSED.values(), ids=GRPC_REFUSED.keys())
def test_grpc_refuses_by_status_and_without_exception_text(stub, request_, code):
    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(request_)

    assert refused.value.code() is code
    assert "secret" not in refused.value.details()


def test_grpc_administration_is_shut(stub):
    for call in (
        lambda: stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="recipes")),
        lambda: stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="recipes")),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

    assert stub.ModelReady(pb.ModelReadyRequest(name="recipes")).ready


def test_grpc_requests_are_measured_and_logged(predictor, stub):
    stub.ModelInfer(infer(texts(b"soup")), metadata=[("x-request-id", "grpc-1")])

    line = next(line for line in predictor.lines("request") if line["request_id"] == "grpc-1")
    assert (line["route"], line["status"], line["version"]) == ("ModelInfer", 200, "1.0.0")
    assert 'route="ModelInfer",status="200"' in predictor.get("/metrics").text
