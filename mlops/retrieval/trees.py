"""Trees that score recipes: an ONNX graph of one `TreeEnsembleRegressor`, read by the runtime that encodes queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from mlops.errors import TRAIN_AGAIN, Permanent

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT, OUTPUT = "features", "score"


class Trees:
    """Scores rows of features. Safe to call from several threads."""

    def __init__(self, graph: bytes) -> None:
        """Open a serialised graph; raises Permanent for bytes that are none."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            self.features = int(self._session.get_inputs()[0].shape[1])
        except Exception as error:  # the runtime raises bare Exceptions of its own
            raise Permanent(
                f"the trees of this artefact cannot be loaded: {error}",
                hint=TRAIN_AGAIN,
            ) from error

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (rows,) for `rows` float32 (rows, features); higher is better."""
        (scores,) = self._session.run([OUTPUT], {INPUT: rows})
        return np.asarray(scores, dtype=np.float32)[:, 0]
