"""Sentences to vectors: tokenizer and fused ONNX graph of an artefact.

The only importer of onnxruntime and tokenizers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "encoder.json"
BATCH = 32


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
        try:
            settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            # Arenas keep the largest batch ever seen; a serving process would hold that memory for ever.
            options.enable_cpu_mem_arena = False
            session = onnxruntime.InferenceSession(
                str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise bare Exceptions of their own for a damaged file
            raise Permanent(
                f"encoder in {folder} cannot be loaded: {error}",
                hint="train the version again, or fetch its artefact anew",
            ) from error
        tokenizer.enable_truncation(max_length=int(settings["max_tokens"]))
        tokenizer.enable_padding()
        return cls(session, tokenizer, int(settings["dimension"]))

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1; `progress` is told how many are done.

        Texts are batched by length, because a batch costs as much as its longest member.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            encodings = self._tokenizer.encode_batch_fast([texts[index] for index in batch])
            feeds = {
                "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int32),
                "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int32),
            }
            vectors[batch] = self._session.run(None, feeds)[0]
            if progress is not None:
                progress(min(start + BATCH, len(order)))
        return vectors
