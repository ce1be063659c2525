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
import onnx
from onnx import helper, numpy_helper

from mlops.kernel.library import Shape, Tables
from mlops.retrieval.encoder import MODEL_FILE, Encoder
from mlops.retrieval.int8_encoder import FILES, FOLDER, SHAPE_FILE, supported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ALPHA = 0.5
CALIBRATION_TEXTS = 64
_LEAST = 1e-5
# The kernel's panels: 64 outputs side by side, of four inputs each.
_COLUMNS, _GROUP, _LANES = 64, 4, 16

Weights = dict[str, "NDArray[np.float32]"]


def write_int8(folder: Path, texts: Sequence[str]) -> bool:
    """Write the 8-bit form beside the graph in `folder`; False, and nothing written, for a shape the kernel has not.

    `texts`, one at least, of which CALIBRATION_TEXTS at most are looked at, are like what will be encoded.
    """
    model = onnx.load(folder / MODEL_FILE)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    shape = _shape(model, weights)
    if not supported(shape):
        return False
    tables = _tables(shape, weights, _largest(model, folder, shape, texts[:: -(-len(texts) // CALIBRATION_TEXTS)]))
    below = folder / FOLDER
    below.mkdir()
    arrays: tuple[NDArray[Any], ...] = (tables.words, tables.positions, tables.weights, tables.floats)
    for name, array in zip(FILES, arrays, strict=True):
        np.save(below / name, array, allow_pickle=False)
    (below / SHAPE_FILE).write_text(json.dumps(asdict(shape), sort_keys=True) + "\n", encoding="utf-8")
    return True


def _shape(model: Any, weights: Weights) -> Shape:
    attention = [node for node in model.graph.node if node.op_type == "Attention"]
    embedded = next(node for node in model.graph.node if node.op_type == "EmbedLayerNormalization")

    def attribute(node: Any, name: str) -> Any:
        return helper.get_attribute_value(next(each for each in node.attribute if each.name == name))

    hidden, inner = weights["encoder.layer.0.intermediate.dense.kernel"].shape
    return Shape(
        hidden=hidden,
        inner=inner,
        heads=int(attribute(attention[0], "num_heads")),
        layers=len(attention),
        epsilon=float(attribute(embedded, "epsilon")),
    )


def _linear(layer: int) -> Iterator[tuple[str, str, str]]:
    """The linear layers of one layer: what goes in, the weights and the bias, by their names in the graph."""
    prefix = f"encoder.layer.{layer}."
    before = "embedded" if layer == 0 else f"encoder.layer.{layer - 1}.output"
    yield before, f"{prefix}qkv.kernel", f"{prefix}qkv.bias"
    yield f"{prefix}context", f"{prefix}attention.output.dense.kernel", f"{prefix}attention.output.dense.bias"
    yield f"{prefix}attended", f"{prefix}intermediate.dense.kernel", f"{prefix}intermediate.dense.bias"
    yield f"{prefix}active", f"{prefix}output.dense.kernel", f"{prefix}output.dense.bias"


def _largest(model: Any, folder: Path, shape: Shape, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The largest magnitude of each channel of what goes into the linear layers, by the name in the graph."""
    names = [name for layer in range(shape.layers) for name, _, _ in _linear(layer)]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    encoder = Encoder.of_graph(folder, model.SerializeToString())
    largest: dict[str, NDArray[np.float32]] = {}
    for text in texts:
        for name, values in zip(names, encoder.inner_values(text, names), strict=True):
            seen = np.abs(values[0]).max(axis=0)
            largest[name] = np.maximum(largest.get(name, seen), seen)
    return largest


def _tables(shape: Shape, weights: Weights, largest: Mapping[str, NDArray[np.float32]]) -> Tables:
    panels: list[NDArray[np.int8]] = []
    vectors = [weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"]]
    for layer in range(shape.layers):
        prefix = f"encoder.layer.{layer}."
        norms = {1: f"{prefix}attention.output.LayerNorm", 3: f"{prefix}output.LayerNorm"}
        for place, (name, kernel, bias) in enumerate(_linear(layer)):
            quantised, floats = _quantised(weights[kernel], weights[bias], largest[name])
            panels.append(_panels(quantised))
            vectors += floats
            if place in norms:
                vectors += [weights[f"{norms[place]}.weight"], weights[f"{norms[place]}.bias"]]
    segment = weights["embeddings.token_type_embeddings.weight"][0]
    return Tables(
        words=weights["embeddings.word_embeddings.weight"].astype(np.float16),
        positions=weights["embeddings.position_embeddings.weight"] + segment,
        weights=np.concatenate(panels),
        floats=np.concatenate(vectors).astype(np.float32),
    )


def _quantised(
    kernel: NDArray[np.float32], bias: NDArray[np.float32], largest: NDArray[np.float32]
) -> tuple[NDArray[np.int8], list[NDArray[np.float32]]]:
    """The weights as int8 (inputs, outputs), and the vectors that the kernel multiplies and adds."""
    rows = np.maximum(np.abs(kernel).max(axis=1), _LEAST)
    even = np.maximum(largest, _LEAST) ** ALPHA / rows ** (1 - ALPHA)
    evened = kernel * even[:, None]
    unit = np.maximum(np.abs(evened).max(axis=0), _LEAST**2) / 127
    quantised = np.rint(evened / unit).astype(np.int8)
    # A zero point z of the inputs adds z * sum(weights) to every product.
    offset = unit * quantised.sum(axis=0, dtype=np.int64)
    return quantised, [1 / even, unit, offset, bias]


def _panels(quantised: NDArray[np.int8]) -> NDArray[np.int8]:
    """In the order in which the kernel reads: by panel, four inputs, sixteen outputs, one input."""
    inputs, outputs = quantised.shape
    shaped = quantised.reshape(inputs // _GROUP, _GROUP, outputs // _COLUMNS, _COLUMNS // _LANES, _LANES)
    return np.ascontiguousarray(shaped.transpose(2, 0, 3, 4, 1)).ravel()
