"""The encoder in fp32, whatever the product's own has become: what exact rankings are made with, and the peers' int8 from.

It is the graph that `mlops.retrieval.encoder_graph` builds from the weights, which a contract test holds to within
1e-4 of sentence-transformers.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from mlops.retrieval.encoder_graph import build_encoder_graph
from mlops.retrieval.encoder_source import find_encoder
from tests.bench.serving.cache import appearing, bench_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_TOKENS = 256
_BATCH = 32


class Reference:
    """Encodes texts to unit vectors, float32 (texts, 384), in fp32."""

    def __init__(self, folder: Path, key: str, threads: int) -> None:
        self.folder = folder
        self.key = key
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Only while encoding: a pool that spins would take the cores from what is measured.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=MOST_TOKENS)
        self._tokenizer.enable_padding()
        self.dimension = 384

    @classmethod
    def open(cls, threads: int | None = None) -> Reference:
        """Build the graph where it is not kept yet; `threads` are all cores unless said."""
        source = find_encoder()
        key = source.digest.removeprefix("sha256:")[:12]
        folder = bench_folder() / "encoders" / key
        if not folder.is_dir():
            with appearing(folder) as partial:
                build_encoder_graph(source.folder, partial / "model.onnx")
                shutil.copyfile(source.folder / "tokenizer.json", partial / "tokenizer.json")
        return cls(folder, key, threads or os.cpu_count() or 1)

    def quantized(self) -> Path:
        """The same graph in onnxruntime's dynamic int8, per channel."""
        out = self.folder / "model.int8.onnx"
        if not out.is_file():
            from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - takes a second, needed once

            partial = out.with_suffix(".partial")
            quantize_dynamic(
                self.folder / "model.onnx", partial, per_channel=True, weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": 1},
            )  # fmt: skip
            partial.rename(out)
        return out

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """As the product's encoder does; batched by length."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            encodings = self._tokenizer.encode_batch_fast([texts[place] for place in batch])
            feeds = {
                "input_ids": np.array([each.ids for each in encodings], dtype=np.int32),
                "attention_mask": np.array([each.attention_mask for each in encodings], dtype=np.int32),
            }
            vectors[batch] = self._session.run(None, feeds)[0]
            if progress is not None:
                progress(min(start + _BATCH, len(order)))
        return vectors
