"""LitServe's way, with its batching: `python litserve_server.py PORT WORKERS`; BENCH_MODEL names the folder of the data."""

import sys
from typing import Any

import litserve
from served_model import ServedModel


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.served = ServedModel()

    def decode_request(self, request: dict[str, Any]) -> str:
        return request["query"]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, queries: list[str]) -> list[dict[str, Any]]:
        return self.served.answer_all(queries)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=16, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
