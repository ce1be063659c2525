"""Builds the sentence encoder as one fused ONNX graph straight from its safetensors weights.

No torch, no exporter: a BERT encoder is a fixed list of operators, and ONNX Runtime ships fused ones
(`com.microsoft`: EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu). Mean pooling over the
attention mask and L2 normalisation are part of the graph, so its output is the finished embedding.

Reference: Devlin et al. 2018 (BERT); Reimers & Gurevych 2019 (mean pooling); ONNX Runtime `ContribOperators.md`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from mlops.errors import Permanent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OPSET = 17
MS = "com.microsoft"
SUPPORTED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}

Weights = dict[str, "NDArray[np.float32]"]


class _Graph:
    """Collects nodes and initializers; `layer` prefixes keep tensor names readable in Netron."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def const(self, name: str, value: NDArray[Any]) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, domain=domain, **attributes))
        return output


def build_encoder_graph(folder: Path, out: Path) -> int:
    """Write the encoder of `folder` (config.json, model.safetensors) to `out`; return its dimension.

    Graph inputs: `input_ids`, `attention_mask`, int32 (batch, tokens). Output: `embedding`, float32 (batch, dim) of
    L2 norm 1.
    Raises Permanent when the folder holds another architecture than BERT with GELU and absolute positions.
    """
    config = _read_config(folder)
    weights = _read_weights(folder)
    graph = _Graph()
    hidden = _embeddings(graph, weights, float(config["layer_norm_eps"]))
    for layer in range(int(config["num_hidden_layers"])):
        hidden = _layer(graph, weights, layer, hidden, config)
    _pool(graph, hidden)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sentence-encoder",
            [
                _tensor("input_ids", TensorProto.INT32, ["batch", "tokens"]),
                _tensor("attention_mask", TensorProto.INT32, ["batch", "tokens"]),
            ],
            [_tensor("embedding", TensorProto.FLOAT, ["batch", int(config["hidden_size"])])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)],
        producer_name="recipe-recommender",
        ir_version=9,
    )
    out.write_bytes(model.SerializeToString())
    return int(config["hidden_size"])


def _tensor(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Permanent(
            f"{path} cannot be read: {error.strerror}", hint="name a folder that holds a BERT sentence encoder"
        ) from error
    for key, wanted in SUPPORTED.items():
        if config.get(key, wanted) != wanted:
            raise Permanent(
                f"{path}: {key} is {config[key]!r}, this encoder graph needs {wanted!r}",
                hint="use a BERT encoder such as all-MiniLM-L6-v2",
            )
    return config


def _read_weights(folder: Path) -> Weights:
    path = folder / "model.safetensors"
    if not path.is_file():
        raise Permanent(
            f"{path} is missing",
            hint="only safetensors weights are read; pickled weights (pytorch_model.bin) never are",
        )
    tensors = load_file(path)
    return {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if tensor.dtype.kind == "f"
    }


def _embeddings(graph: _Graph, weights: Weights, epsilon: float) -> str:
    names = [
        "word_embeddings.weight",
        "position_embeddings.weight",
        "token_type_embeddings.weight",
        "LayerNorm.weight",
        "LayerNorm.bias",
    ]
    constants = [graph.const(f"embeddings.{name}", weights[f"embeddings.{name}"]) for name in names]
    # One segment only: sentence encoders never see pairs, so the segment ids are zeros of the shape of the ids.
    graph.op("Sub", ["input_ids", "input_ids"], "segment_ids")
    graph.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            ["input_ids", "segment_ids", *constants],
            ["embedded", "unused_mask_index"],
            "embedded",
            domain=MS,
            epsilon=epsilon,
        )
    )
    return "embedded"


def _layer(graph: _Graph, weights: Weights, layer: int, hidden: str, config: dict[str, Any]) -> str:
    prefix = f"encoder.layer.{layer}."
    epsilon = float(config["layer_norm_eps"])

    def kernel(name: str) -> str:
        # PyTorch stores (out, in); ONNX MatMul wants (in, out).
        return graph.const(f"{prefix}{name}.kernel", weights[f"{prefix}{name}.weight"].T)

    def vector(name: str) -> str:
        return graph.const(prefix + name, weights[prefix + name])

    qkv = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    packed = graph.const(f"{prefix}qkv.kernel", np.concatenate([weights[f"{name}.weight"].T for name in qkv], axis=1))
    bias = graph.const(f"{prefix}qkv.bias", np.concatenate([weights[f"{name}.bias"] for name in qkv]))
    heads = int(config["num_attention_heads"])
    context = graph.op(
        "Attention", [hidden, packed, bias, "attention_mask"], f"{prefix}context", domain=MS, num_heads=heads
    )
    projected = graph.op("MatMul", [context, kernel("attention.output.dense")], f"{prefix}projected")
    attended = graph.op(
        "SkipLayerNormalization",
        [
            projected,
            hidden,
            vector("attention.output.LayerNorm.weight"),
            vector("attention.output.LayerNorm.bias"),
            vector("attention.output.dense.bias"),
        ],
        f"{prefix}attended",
        domain=MS,
        epsilon=epsilon,
    )
    wide = graph.op("MatMul", [attended, kernel("intermediate.dense")], f"{prefix}wide")
    active = graph.op("BiasGelu", [wide, vector("intermediate.dense.bias")], f"{prefix}active", domain=MS)
    narrow = graph.op("MatMul", [active, kernel("output.dense")], f"{prefix}narrow")
    return graph.op(
        "SkipLayerNormalization",
        [
            narrow,
            attended,
            vector("output.LayerNorm.weight"),
            vector("output.LayerNorm.bias"),
            vector("output.dense.bias"),
        ],
        f"{prefix}output",
        domain=MS,
        epsilon=epsilon,
    )


def _pool(graph: _Graph, hidden: str) -> str:
    """Mean over the tokens of the mask, then L2: what sentence-transformers' Pooling and Normalize modules do."""
    axis = graph.const("token_axis", np.array([1], dtype=np.int64))
    last = graph.const("feature_axis", np.array([-1], dtype=np.int64))
    graph.op("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
    graph.op("Unsqueeze", ["mask_float", last], "mask_column")
    graph.op("Mul", [hidden, "mask_column"], "masked")
    graph.op("ReduceSum", ["masked", axis], "token_sum", keepdims=0)
    graph.op("ReduceSum", ["mask_column", axis], "token_count", keepdims=0)
    graph.op("Div", ["token_sum", "token_count"], "mean")
    graph.op("LpNormalization", ["mean"], "embedding", axis=-1, p=2)
    return "embedding"
