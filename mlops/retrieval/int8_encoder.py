"""Queries to vectors in 8 bit, by the kernel: some four times cheaper than the float graph, and nearly as right.

What is found by these vectors is measured whenever the encoder is built (docs/performance.md). Documents are encoded by
the float graph, once, where time matters less.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.kernel.library import Model, Shape, Tables
from mlops.retrieval.token_memory import TokenMemory
from mlops.retrieval.tokenizer import open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel

FOLDER = "int8"
SHAPE_FILE = "shape.json"
FILES = ("words.npy", "positions.npy", "weights.npy", "floats.npy")
# Tokens of one call: more would not be quicker, and takes 14 kB each.
_TOKENS = 4096


class Int8Encoder:
    """Encodes texts to unit vectors. Safe to call from several threads: nothing here holds the state of a call."""

    def __init__(self, kernel: Kernel, model: Model, tokens: TokenMemory) -> None:
        self._kernel = kernel
        self._model = model
        self._tokens = tokens
        self.dimension = model.shape.hidden

    @classmethod
    def load(cls, folder: Path, kernel: Kernel) -> Int8Encoder:
        """Map what `quantising.write_int8` wrote below the encoder's `folder`.

        Raises Permanent naming the file that is missing or does not fit.
        """
        below = folder / FOLDER
        tokenizer, longest = open_tokenizer(folder)
        try:
            shape = Shape(**json.loads((below / SHAPE_FILE).read_bytes()))
            words, positions, weights, floats = (
                np.load(below / name, mmap_mode="r", allow_pickle=False) for name in FILES
            )
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise Permanent(f"encoder in {below} cannot be loaded: {error}", hint=TRAIN_AGAIN) from error
        tables = Tables(words=words, positions=positions, weights=weights, floats=floats)
        # The kernel trusts every size and every token.
        if not fits(shape, tables) or len(positions) < longest or len(words) < tokenizer.get_vocab_size():
            raise Permanent(f"encoder in {below}: its files do not fit together", hint=TRAIN_AGAIN)
        return cls(kernel, Model(shape, tables), TokenMemory(tokenizer, longest))

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1; `progress` is told how many are done."""
        ids = [np.frombuffer(text, dtype=np.int32) for text in self._tokens.ids(texts)]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        start = 0
        while start < len(texts):
            end, tokens = start + 1, len(ids[start])
            while end < len(texts) and tokens + len(ids[end]) <= _TOKENS:
                tokens += len(ids[end])
                end += 1
            starts = np.cumsum([0, *map(len, ids[start:end])], dtype=np.int32)
            vectors[start:end] = self._kernel.encode(self._model, np.concatenate(ids[start:end]), starts)
            start = end
            if progress is not None:
                progress(end)
        return vectors


def fits(shape: Shape, tables: Tables) -> bool:
    """Tell whether the arrays have the sizes that `shape` implies, and the kernel's types."""
    hidden, inner = shape.hidden, shape.inner
    arrays: tuple[NDArray[Any], ...] = (tables.words, tables.positions, tables.weights, tables.floats)
    linear = ((hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden))
    vectors = 2 * hidden + shape.layers * (4 * hidden + sum(width + 3 * outputs for width, outputs in linear))
    return (
        supported(shape)
        and [array.dtype.name for array in arrays] == ["float16", "float32", "int8", "float32"]
        and tables.words.shape[1:] == tables.positions.shape[1:] == (hidden,)
        and tables.weights.shape == (shape.layers * sum(width * outputs for width, outputs in linear),)
        and tables.floats.shape == (vectors,)
        and all(array.flags.c_contiguous for array in arrays)
    )


def supported(shape: Shape) -> bool:
    """Tell whether the kernel's blocks divide the layers."""
    if min(shape.hidden, shape.inner, shape.heads, shape.layers) < 1 or shape.hidden % shape.heads:
        return False
    return shape.hidden % 64 == 0 and shape.inner % 64 == 0 and shape.hidden // shape.heads % 16 == 0
