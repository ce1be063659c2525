"""LightGBM's trees as an ONNX graph: the same scores, without LightGBM where they are served.

One `TreeEnsembleRegressor` (ONNX ai.onnx.ml, opset 3). LightGBM compares doubles, the graph float32: each threshold is
rounded down to the next float32, so that a float32 feature falls on the same side as in LightGBM.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from mlops.errors import Permanent
from mlops.retrieval.trees import INPUT, OUTPUT


def tree_graph(dump: dict[str, Any]) -> bytes:
    """Serialise what `Booster.dump_model()` returned; raises Permanent for splits that are no numbers."""
    nodes = _Nodes()
    for number, tree in enumerate(dump["tree_info"]):
        nodes.tree(number, tree["tree_structure"])
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **nodes.attributes,
    )
    features = len(dump["feature_names"])
    graph = helper.make_graph(
        [node],
        "learned-ranking",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["recipes", features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["recipes", 1])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        producer_name="recipe-recommender",
        ir_version=9,
    )
    return bytes(model.SerializeToString())


class _Nodes:
    """The operator's parallel lists, filled tree by tree."""

    def __init__(self) -> None:
        self.attributes: dict[str, list[Any]] = {
            name: []
            for name in (
                *(f"nodes_{part}" for part in ("treeids", "nodeids", "featureids", "modes", "values")),
                *(f"nodes_{part}" for part in ("truenodeids", "falsenodeids", "missing_value_tracks_true")),
                *(f"target_{part}" for part in ("treeids", "nodeids", "ids", "weights")),
            )
        }
        self._next = 0

    def tree(self, number: int, root: dict[str, Any]) -> None:
        self._next = 0
        self._add(number, root)

    def _add(self, tree: int, node: dict[str, Any]) -> int:
        own = self._next
        self._next += 1
        if "leaf_value" in node:
            self._append("nodes", treeids=tree, nodeids=own, featureids=0, modes="LEAF", values=0.0)
            self._append("nodes", truenodeids=0, falsenodeids=0, missing_value_tracks_true=0)
            self._append("target", treeids=tree, nodeids=own, ids=0, weights=float(node["leaf_value"]))
            return own
        if node["decision_type"] != "<=":
            raise Permanent(f"a split by {node['decision_type']!r} cannot be served; only numbers are compared")
        feature, threshold = int(node["split_feature"]), _rounded_down(float(node["threshold"]))
        self._append("nodes", treeids=tree, nodeids=own, featureids=feature, modes="BRANCH_LEQ", values=threshold)
        place = len(self.attributes["nodes_truenodeids"])
        self._append("nodes", truenodeids=0, falsenodeids=0, missing_value_tracks_true=0)
        self.attributes["nodes_truenodeids"][place] = self._add(tree, node["left_child"])
        self.attributes["nodes_falsenodeids"][place] = self._add(tree, node["right_child"])
        return own

    def _append(self, kind: str, **values: Any) -> None:
        for name, value in values.items():
            self.attributes[f"{kind}_{name}"].append(value)


def _rounded_down(threshold: float) -> float:
    near = np.float32(threshold)
    return float(np.nextafter(near, np.float32(-np.inf))) if float(near) > threshold else float(near)
