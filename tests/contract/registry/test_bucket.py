"""MLflow over a bucket, as the chart sets it up with `mlflow.artifacts` and `mlflow.artifactsSecret`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import boto3
import httpx
import pytest
from botocore.config import Config

from mlops.model_registry import open_registry
from mlops.registry.server import RegistryServer, free_port
from tests.contract.registry.conftest import wall_clock

pytestmark = pytest.mark.contract
SECRET = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def bucket():
    """Moto's server: what speaks S3 here."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        client = boto3.client(
            "s3", endpoint_url=url, region_name="eu-west-1",
            aws_access_key_id=SECRET["AWS_ACCESS_KEY_ID"], aws_secret_access_key=SECRET["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 1}),
        )  # fmt: skip
        client.create_bucket(Bucket="recipes", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def server(bucket, tmp_path_factory):
    home, port = tmp_path_factory.mktemp("bucket"), free_port()
    command = [
        *(sys.executable, "-m", "mlops.registry.mlflow_server", "server", "--serve-artifacts"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--artifacts-destination", "s3://recipes/mlflow"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    environment = os.environ | SECRET | {"MLFLOW_S3_ENDPOINT_URL": bucket.meta.endpoint_url}
    with RegistryServer(command, port, home / "mlflow.log", environment) as server:
        server.start(lambda _: None)
        yield server


def test_an_artefact_is_kept_in_the_bucket_and_comes_back_byte_for_byte(server, bucket, artifact, tmp_path):
    with open_registry(server.url, wall_clock) as registry:
        digest = f"sha256:{'0' * 64}"
        registered = registry.register("soups", "1.0.0", artifact, digest=digest, metadata={}, metrics={}, params={},
                                       by="a test", why="a bucket")  # fmt: skip
        folder = registry.download(registered, tmp_path / "back")

    kept = [each["Key"] for each in bucket.list_objects_v2(Bucket="recipes", Prefix="mlflow/")["Contents"]]
    assert any(key.endswith("index/vectors ñ.npy") for key in kept), kept
    for file in (path for path in artifact.rglob("*") if path.is_file()):
        assert (folder / file.relative_to(artifact)).read_bytes() == file.read_bytes()


def _wait_for(url):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{url} does not answer")
