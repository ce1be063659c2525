"""An encoder's float graph as the kernel reads encoders: the layers one after the other, their weights in panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.kernel.operands import Shape, Tables, aligned
from mlops.retrieval.encoder import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    # A kernel (inputs, outputs) in the precision that is wanted, and the vectors that go with it, its bias last.
    Narrowed = tuple[NDArray[np.int8] | NDArray[np.uint16], Sequence[NDArray[np.float32]]]

# The kernel's panels: 64 outputs side by side, of as many inputs each as are four bytes.
_COLUMNS, _BYTES, _LANES = 64, 4, 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """A linear layer: what goes in, by its name in the graph, its kernel (inputs, outputs) and its bias (outputs)."""

    inputs: str
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


class Layers:
    """The numbers of the graph in a folder."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self._numbers: Mapping[str, NDArray[np.float32]] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer
        }
        self.shape = _shape(graph, self._numbers)

    @classmethod
    def read(cls, folder: Path) -> Layers:
        """Read what `encoder_graph.build_encoder_graph` wrote.

        Raises Permanent for what is missing or damaged.
        """
        try:
            return cls(onnx.load(folder / MODEL_FILE))
        except Exception as error:  # protobuf raises errors of its own for a damaged file
            raise Permanent(f"encoder in {folder} cannot be loaded: {error}", hint=TRAIN_AGAIN) from error

    def linear(self, layer: int) -> Iterator[Linear]:
        """The linear layers of one layer, in the order in which they are computed."""
        prefix = f"encoder.layer.{layer}."
        before = "embedded" if layer == 0 else f"encoder.layer.{layer - 1}.output"
        for inputs, name in (
            (before, "qkv"),
            (f"{prefix}context", "attention.output.dense"),
            (f"{prefix}attended", "intermediate.dense"),
            (f"{prefix}active", "output.dense"),
        ):
            kernel, bias = (self._numbers[f"{prefix}{name}.{part}"] for part in ("kernel", "bias"))
            yield Linear(inputs=inputs, kernel=kernel, bias=bias)

    def lay_out(self, narrow: Callable[[Linear], Narrowed]) -> Tables:
        """The tables that the kernel reads, with every linear layer as `narrow` makes it."""
        panels, vectors = [], self._norm("embeddings.LayerNorm")
        for layer in range(self.shape.layers):
            prefix = f"encoder.layer.{layer}."
            norms = {1: f"{prefix}attention.output.LayerNorm", 3: f"{prefix}output.LayerNorm"}
            for place, linear in enumerate(self.linear(layer)):
                weights, floats = narrow(linear)
                panels.append(_panels(weights))
                vectors += [*floats, *(self._norm(norms[place]) if place in norms else ())]
        segment = self._numbers["embeddings.token_type_embeddings.weight"][0]
        return Tables(
            words=self._numbers["embeddings.word_embeddings.weight"].astype(np.float16),
            positions=self._numbers["embeddings.position_embeddings.weight"] + segment,
            weights=aligned(np.concatenate(panels)),
            floats=np.concatenate(vectors).astype(np.float32),
        )

    def _norm(self, name: str) -> list[NDArray[np.float32]]:
        return [self._numbers[f"{name}.weight"], self._numbers[f"{name}.bias"]]


def _shape(graph: Any, numbers: Mapping[str, NDArray[np.float32]]) -> Shape:
    attention = [node for node in graph.graph.node if node.op_type == "Attention"]
    embedded = next(node for node in graph.graph.node if node.op_type == "EmbedLayerNormalization")

    def attribute(node: Any, name: str) -> Any:
        return helper.get_attribute_value(next(each for each in node.attribute if each.name == name))

    hidden, inner = numbers["encoder.layer.0.intermediate.dense.kernel"].shape
    return Shape(
        hidden=hidden,
        inner=inner,
        heads=int(attribute(attention[0], "num_heads")),
        layers=len(attention),
        epsilon=float(attribute(embedded, "epsilon")),
    )


def _panels(weights: NDArray[Any]) -> NDArray[Any]:
    """In the order in which the kernel reads: by panel, inputs of four bytes, sixteen outputs, one input."""
    inputs, outputs = weights.shape
    group = _BYTES // weights.itemsize
    shaped = weights.reshape(inputs // group, group, outputs // _COLUMNS, _COLUMNS // _LANES, _LANES)
    return np.ascontiguousarray(shaped.transpose(2, 0, 3, 4, 1)).ravel()
