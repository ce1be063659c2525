"""What the peers serve: our encoder's graph in dynamic int8, and faiss' HNSW over 8-bit vectors with 40 candidates ranked anew.

The strongest that well-kept engines give without work of one's own, as measured before this bench was written.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import onnxruntime
from served_rows import ServedRows
from tokenizers import Tokenizer

EF, CANDIDATES, K = 192, 40, 10


class ServedModel:
    """Answers queries from the folder that BENCH_MODEL names."""

    def __init__(self, folder: str | None = None) -> None:
        where = Path(folder or os.environ["BENCH_MODEL"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        faiss.omp_set_num_threads(1)
        self._session = onnxruntime.InferenceSession(
            str(where / "model.int8.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(where / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=256)
        self._tokenizer.enable_padding()
        self._vectors = np.load(where / "vectors.npy", mmap_mode="r")
        self._index = faiss.read_index(str(where / "index.faiss"))
        faiss.ParameterSpace().set_index_parameter(self._index, "efSearch", EF)
        self._rows = ServedRows(where)

    def answer(self, query: str) -> dict[str, Any]:
        """The ten best recipes for one query."""
        return self.answer_all([query])[0]

    def answer_all(self, queries: Sequence[str]) -> list[dict[str, Any]]:
        """The ten best recipes for each query, encoded as one batch."""
        encodings = self._tokenizer.encode_batch_fast(list(queries))
        feeds = {
            "input_ids": np.array([each.ids for each in encodings], dtype=np.int32),
            "attention_mask": np.array([each.attention_mask for each in encodings], dtype=np.int32),
        }
        vectors = self._session.run(None, feeds)[0]
        _, found = self._index.search(vectors, CANDIDATES)
        return [self._best(vector, places) for vector, places in zip(vectors, found, strict=True)]

    def _best(self, vector: np.ndarray, places: np.ndarray) -> dict[str, Any]:
        scores = self._vectors[places] @ vector
        order = np.argsort(-scores)[:K]
        return {"recipes": [{**self._rows[int(places[at])], "score": float(scores[at])} for at in order]}
