"""Texts to vectors by the kernel, in the precision of the weights that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.kernel.operands import Model, Shape
    from mlops.retrieval.token_memory import TokenMemory

# Tokens of one call: more would not be quicker, and takes 14 kB each.
_TOKENS = 4096


class KernelEncoder:
    """Encodes texts to unit vectors. Safe to call from several threads: nothing here holds the state of a call."""

    def __init__(self, kernel: Kernel, model: Model, tokens: TokenMemory) -> None:
        self._kernel = kernel
        self.model = model
        self.tokens = tokens
        self.dimension = model.shape.hidden

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1; `progress` is told how many are done."""
        ids = [np.frombuffer(text, dtype=np.int32) for text in self.tokens.ids(texts)]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        start = 0
        while start < len(texts):
            end, tokens = start + 1, len(ids[start])
            while end < len(texts) and tokens + len(ids[end]) <= _TOKENS:
                tokens += len(ids[end])
                end += 1
            starts = np.cumsum([0, *map(len, ids[start:end])], dtype=np.int32)
            vectors[start:end] = self._kernel.encode(self.model, np.concatenate(ids[start:end]), starts)
            start = end
            if progress is not None:
                progress(end)
        return vectors


def supported(shape: Shape) -> bool:
    """Tell whether the kernel's blocks divide the layers."""
    if min(shape.hidden, shape.inner, shape.heads, shape.layers) < 1 or shape.hidden % shape.heads:
        return False
    return shape.hidden % 64 == 0 and shape.inner % 64 == 0 and shape.hidden // shape.heads % 16 == 0
