"""Queries to vectors in 8 bit, by the kernel: some four times cheaper than the float graph, and nearly as right.

What is found by these vectors is measured whenever the encoder is built (docs/performance.md). Documents are encoded
once, and more exactly: see `bf16_encoder`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.kernel.operands import Model, Shape, Tables
from mlops.retrieval.kernel_encoder import KernelEncoder, supported
from mlops.retrieval.token_memory import TokenMemory
from mlops.retrieval.tokenizer import open_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel

FOLDER = "int8"
SHAPE_FILE = "shape.json"
FILES = ("words.npy", "positions.npy", "weights.npy", "floats.npy")


def open_int8(folder: Path, kernel: Kernel) -> KernelEncoder:
    """Map what `quantising.write_int8` wrote below the encoder's `folder`.

    Raises Permanent naming the file that is missing or does not fit.
    """
    below = folder / FOLDER
    tokenizer, longest = open_tokenizer(folder)
    try:
        shape = Shape(**json.loads((below / SHAPE_FILE).read_bytes()))
        words, positions, weights, floats = (np.load(below / name, mmap_mode="r", allow_pickle=False) for name in FILES)
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise Permanent(f"encoder in {below} cannot be loaded: {error}", hint=TRAIN_AGAIN) from error
    tables = Tables(words=words, positions=positions, weights=weights, floats=floats)
    # The kernel trusts every size and every token.
    if not fits(shape, tables) or len(positions) < longest or len(words) < tokenizer.get_vocab_size():
        raise Permanent(f"encoder in {below}: its files do not fit together", hint=TRAIN_AGAIN)
    return KernelEncoder(kernel, Model(shape, tables), TokenMemory(tokenizer, longest))


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
