"""A learned turn of the query's vector; the documents' vectors stay as they are, so nothing is embedded anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlops.errors import TRAIN_AGAIN, Permanent

if TYPE_CHECKING:
    from numpy.typing import NDArray


class QueryAdapter:
    """Adds to a query's vector what a linear map makes of it, and brings the sum back to length 1."""

    def __init__(self, weights: NDArray[np.float32]) -> None:
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.dtype != np.float32:  # noqa: PLR2004 - a matrix
            raise Permanent(
                f"an adapter is a square float32 matrix, not {weights.dtype} {weights.shape}",
                hint=TRAIN_AGAIN,
            )
        self.weights = weights

    def __call__(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn `vector`, float32 (dimension,); an adapter of zeros turns nothing."""
        turned = vector + self.weights @ vector
        return np.asarray(turned / max(float(np.linalg.norm(turned)), 1e-12), dtype=np.float32)
