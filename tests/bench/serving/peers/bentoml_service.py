"""BentoML's way; `BENCH_MODEL` names the folder of the data."""

import os
from typing import Any

import bentoml
from served_model import ServedModel


@bentoml.service(workers=int(os.environ.get("BENCH_WORKERS", "1")), traffic={"timeout": 60})
class Recipes:
    def __init__(self) -> None:
        self.served = ServedModel()

    @bentoml.api
    def recommend(self, query: str) -> dict[str, Any]:
        return self.served.answer(query)
