"""Sentences to vectors: tokenizer and fused ONNX graph of an artefact."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.retrieval.tokenizer import Tokenizer, open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "model.onnx"
BATCH = 32
# Of another runtime, or on another kind of processor, vectors may differ in their last bits.
RUNTIME = f"onnxruntime {onnxruntime.__version__} {platform.machine()}"


class Encoder:
    """Encodes texts to unit vectors. Safe to call from several threads: nothing here holds the state of a call."""

    def __init__(self, session: Any, tokenizer: Tokenizer, dimension: int) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self.dimension = dimension

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Encoder:
        """Open the encoder in `folder` with `threads` threads per call.

        One thread is right for serving: more speed up one query but cost the server its throughput.
        Raises Permanent naming the file that is missing or damaged.
        """
        return cls._open(folder, str(folder / MODEL_FILE), threads)

    @classmethod
    def of_graph(cls, folder: Path, graph: bytes) -> Encoder:
        """Open `graph`, a changed one of the encoder in `folder`."""
        return cls._open(folder, graph, threads=1)

    @classmethod
    def _open(cls, folder: Path, graph: str | bytes, threads: int) -> Encoder:
        tokenizer, _ = open_tokenizer(folder)
        tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Arenas keep the largest batch ever seen; a serving process would hold that memory for ever.
        options.enable_cpu_mem_arena = False
        try:
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises bare Exceptions of its own for a damaged file
            raise Permanent(
                f"encoder in {folder} cannot be loaded: {error}",
                hint=TRAIN_AGAIN,
            ) from error
        (output,) = (each for each in session.get_outputs() if each.name == "embedding")
        return cls(session, tokenizer, int(output.shape[1]))

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1; `progress` is told how many are done.

        Texts are batched by length, because a batch costs as much as its longest member.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for batch in batches(texts):
            vectors[batch] = self.encode_batch([texts[index] for index in batch])
            done += len(batch)
            if progress is not None:
                progress(done)
        return vectors

    def encode_batch(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts at once, padded to the longest: float32 (texts, dimension)."""
        return np.asarray(self._session.run(["embedding"], self._feeds(texts))[0], dtype=np.float32)

    def inner_values(self, text: str, names: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return outputs of the graph besides the embedding, float32 (1, tokens, width) each."""
        values: list[NDArray[np.float32]] = self._session.run(list(names), self._feeds([text]))
        return values

    def _feeds(self, texts: Sequence[str]) -> dict[str, NDArray[np.int32]]:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int32),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int32),
        }


def batches(texts: Sequence[str]) -> list[list[int]]:
    """Cut `texts` into batches of like length, shortest first: the indices of each."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
