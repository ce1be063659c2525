"""What most people would write: a `kserve.Model` whose `predict` encodes by sentence-transformers and scans by numpy.

`python naive_server.py --http_port P`, with BENCH_MODEL and BENCH_ENCODER naming the folders of data and weights.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from kserve import Model, ModelServer
from sentence_transformers import SentenceTransformer
from served_rows import ServedRows


class Naive(Model):
    def __init__(self) -> None:
        super().__init__("naive")

    def load(self) -> bool:
        folder = Path(os.environ["BENCH_MODEL"])
        self.encoder = SentenceTransformer(os.environ["BENCH_ENCODER"], device="cpu")
        self.vectors = np.load(folder / "vectors.npy")
        self.rows = ServedRows(folder)
        self.ready = True
        return self.ready

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        return {"predictions": [self.answer(instance["query"]) for instance in payload["instances"]]}

    def answer(self, query: str) -> dict[str, Any]:
        scores = self.vectors @ self.encoder.encode(query)
        best = np.argsort(-scores)[:10]
        return {"recipes": [{**self.rows[int(place)], "score": float(scores[place])} for place in best]}


if __name__ == "__main__":
    model = Naive()
    model.load()
    ModelServer(enable_grpc=False).start([model])
