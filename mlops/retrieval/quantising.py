"""An encoder's float graph rewritten in 8 bit, for the kernel that encodes queries.

Weights: int8, symmetric, a scale for each output. Inputs of a linear layer are quantised when they come (the kernel
does it, a scale for each token), after a division by constants that even out their channels: for channel c of layer X W
s_c = max|X_c|^a / max|W_c|^(1-a) with a = 0.5, and W takes the factor back (SmoothQuant, Xiao et al. 2022). max|X_c| is
read off the float graph for some texts of the corpus.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from mlops.retrieval.encoder import Encoder
from mlops.retrieval.encoder_layers import Layers
from mlops.retrieval.int8_encoder import FILES, FOLDER, SHAPE_FILE
from mlops.retrieval.kernel_encoder import supported

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.retrieval.encoder_layers import Linear

ALPHA = 0.5
CALIBRATION_TEXTS = 64
_LEAST = 1e-5


def write_int8(folder: Path, texts: Sequence[str]) -> bool:
    """Write the 8-bit form beside the graph in `folder`; False, and nothing written, for a shape the kernel has not.

    `texts`, one at least, of which CALIBRATION_TEXTS at most are looked at, are like what will be encoded.
    """
    layers = Layers.read(folder)
    if not supported(layers.shape):
        return False
    largest = _largest(layers, folder, texts[:: -(-len(texts) // CALIBRATION_TEXTS)])
    tables = layers.lay_out(lambda linear: _quantised(linear, largest[linear.inputs]))
    below = folder / FOLDER
    below.mkdir()
    arrays: tuple[NDArray[Any], ...] = (tables.words, tables.positions, tables.weights, tables.floats)
    for name, array in zip(FILES, arrays, strict=True):
        np.save(below / name, array, allow_pickle=False)
    (below / SHAPE_FILE).write_text(json.dumps(asdict(layers.shape), sort_keys=True) + "\n", encoding="utf-8")
    return True


def _largest(layers: Layers, folder: Path, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The largest magnitude of each channel of what goes into the linear layers, by the name in the graph."""
    names = [linear.inputs for layer in range(layers.shape.layers) for linear in layers.linear(layer)]
    layers.graph.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    encoder = Encoder.of_graph(folder, layers.graph.SerializeToString())
    largest: dict[str, NDArray[np.float32]] = {}
    for text in texts:
        for name, values in zip(names, encoder.inner_values(text, names), strict=True):
            seen = np.abs(values[0]).max(axis=0)
            largest[name] = np.maximum(largest.get(name, seen), seen)
    return largest


def _quantised(linear: Linear, largest: NDArray[np.float32]) -> tuple[NDArray[np.int8], list[NDArray[np.float32]]]:
    """The weights as int8 (inputs, outputs), and the vectors that the kernel multiplies and adds."""
    rows = np.maximum(np.abs(linear.kernel).max(axis=1), _LEAST)
    even = np.maximum(largest, _LEAST) ** ALPHA / rows ** (1 - ALPHA)
    evened = linear.kernel * even[:, None]
    unit = np.maximum(np.abs(evened).max(axis=0), _LEAST**2) / 127
    quantised = np.rint(evened / unit).astype(np.int8)
    # A zero point z of the inputs adds z * sum(weights) to every product.
    offset = unit * quantised.sum(axis=0, dtype=np.int64)
    return quantised, [1 / even, unit, offset, linear.bias]
