"""A predictor process that the tests of a module share, and a gRPC client of it."""

from __future__ import annotations

import grpc
import pytest
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from tests.builders.predictor_process import predictor_process


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor")
    flags = ["--feedback-folder", str(folder / "feedback"), "--max-waiting", "16", "--receive-seconds", "2"]
    with predictor_process(folder, *flags, FAKE_ANSWER_SECONDS="0.002") as process:
        process.wait_until_ready()
        yield process


@pytest.fixture
def stub(predictor):
    with grpc.insecure_channel(f"127.0.0.1:{predictor.grpc_port}") as channel:
        yield GRPCInferenceServiceStub(channel)
