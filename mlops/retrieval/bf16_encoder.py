"""Documents to vectors in bfloat16, by the kernel: some three times cheaper than the float graph, and nearly the same.

What that does to an answer is measured in docs/performance.md. Rounding off is quick, so nothing of it is kept.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mlops.kernel.operands import Model
from mlops.retrieval.encoder_layers import Layers
from mlops.retrieval.kernel_encoder import KernelEncoder, supported
from mlops.retrieval.token_memory import TokenMemory
from mlops.retrieval.tokenizer import open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.retrieval.encoder_layers import Linear


class Bf16Encoder:
    """Encodes documents, whose vectors depend neither on their neighbours nor on the number of threads."""

    def __init__(self, encoder: KernelEncoder, threads: int) -> None:
        self._encoder = encoder
        self._threads = ThreadPoolExecutor(threads, "embed")

    @classmethod
    def load(cls, folder: Path, kernel: Kernel, *, threads: int) -> Bf16Encoder | None:
        """Round off the float graph in `folder`; None for a shape that the kernel has not.

        Raises Permanent naming what is missing or damaged.
        """
        layers = Layers.read(folder)
        if not supported(layers.shape):
            return None
        model = Model(layers.shape, layers.lay_out(_rounded))
        tokenizer, longest = open_tokenizer(folder)
        return cls(KernelEncoder(kernel, model, TokenMemory(tokenizer, longest)), threads)

    def encode(self, batches: Iterable[Sequence[str]]) -> NDArray[np.float32]:
        """Return float32 (texts of all batches, dimension), rows of L2 norm 1; each batch is one thread's."""
        return np.concatenate(list(self._threads.map(self._encoder.encode, batches)))


def _rounded(linear: Linear) -> tuple[NDArray[np.uint16], list[NDArray[np.float32]]]:
    """To the nearest, of two equally near to the even one; weights are finite."""
    bits = np.ascontiguousarray(linear.kernel, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16), [linear.bias]
