"""KServe V2 tensors, REST and gRPC, to requests and back.

Inputs: `query` BYTES [n]; optionally `k` (any integer type), `language` BYTES, `user_id` BYTES and `filters` BYTES (a
JSON object with the filter fields of POST /recommend), each [1] for all queries or [n]. Outputs: `ids` BYTES [n, k] and
`scores` FP32 [n, k] with k the largest asked for, padded by "" and 0 where a query has fewer answers, and `payload`
BYTES [n]: the answer of POST /recommend as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from predictor.answers import recommendation_body
from predictor.kserve_import import only_what_serves
from predictor.schemas import MAX_BATCH, FilterFields, RecommendRequest
from predictor.validation import FieldFault, InvalidFields, parse_json, parse_object

with only_what_serves():
    from kserve import InferOutput, InferRequest, InferResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.recommending import Recommendation

INPUTS = (
    {"name": "query", "datatype": "BYTES", "shape": [-1]},
    {"name": "k", "datatype": "INT32", "shape": [-1]},
    {"name": "language", "datatype": "BYTES", "shape": [-1]},
    {"name": "user_id", "datatype": "BYTES", "shape": [-1]},
    {"name": "filters", "datatype": "BYTES", "shape": [-1]},
)
OUTPUTS = (
    {"name": "ids", "datatype": "BYTES", "shape": [-1, -1]},
    {"name": "scores", "datatype": "FP32", "shape": [-1, -1]},
    {"name": "payload", "datatype": "BYTES", "shape": [-1]},
)
_NAMES = frozenset(str(tensor["name"]) for tensor in INPUTS)


def requests_of(infer: InferRequest) -> list[RecommendRequest]:
    """Read the queries of an inference request.

    Raises InvalidFields.
    """
    columns: dict[str, list[Any]] = {}
    for index, tensor in enumerate(infer.inputs):
        if tensor.name not in _NAMES:
            raise _fault(index, f"unknown input {tensor.name[:60]!r}; there are {', '.join(sorted(_NAMES))}")
        columns[tensor.name] = _values(index, tensor)
    queries = columns.get("query", [])
    if not 1 <= len(queries) <= MAX_BATCH:
        raise InvalidFields(
            [FieldFault(path=("inputs",), detail=f"query must hold 1 to {MAX_BATCH} texts, not {len(queries)}")]
        )
    for name, values in columns.items():
        if len(values) not in (1, len(queries)):
            detail = f"{name} must hold 1 value or one per query ({len(queries)}), not {len(values)}"
            raise InvalidFields([FieldFault(path=("inputs", name), detail=detail)])
    return [_request(columns, row) for row in range(len(queries))]


def response_of(
    infer: InferRequest, asked: Sequence[RecommendRequest], given: Sequence[Recommendation], response_id: str
) -> InferResponse:
    """Write the answers to `asked` as tensors."""
    width = max(request.k for request in asked)
    ids: list[str] = []
    scores: list[float] = []
    for recommendation in given:
        hits = recommendation.answer.hits
        padding = width - len(hits)
        ids += [hit.id for hit in hits] + [""] * padding
        scores += [hit.score for hit in hits] + [0.0] * padding
    payload = [orjson.dumps(recommendation_body(recommendation)).decode() for recommendation in given]
    rows = len(given)
    return InferResponse(
        response_id=infer.id or response_id,
        model_name=infer.model_name,
        model_version=given[0].served.version,
        infer_outputs=[
            InferOutput("ids", [rows, width], "BYTES", ids),
            InferOutput("scores", [rows, width], "FP32", scores),
            InferOutput("payload", [rows], "BYTES", payload),
        ],
        use_binary_outputs=infer.use_binary_outputs,
        requested_outputs=infer.request_outputs,
    )


def _values(index: int, tensor: Any) -> list[Any]:
    """Read one tensor, in whichever of the four encodings it came, as Python values in row-major order."""
    try:
        values: list[Any] = tensor.as_numpy().ravel().tolist()
    except Exception as error:
        raise _fault(index, f"cannot be read as {tensor.datatype[:20]} of the shape given") from error
    try:
        return [value.decode() if isinstance(value, bytes) else value for value in values]
    except UnicodeDecodeError as error:
        raise _fault(index, "is not UTF-8") from error


def _request(columns: dict[str, list[Any]], row: int) -> RecommendRequest:
    def at(name: str) -> Any:
        values = columns[name]
        return values[row] if len(values) > 1 else values[0]

    fields: dict[str, Any] = {name: at(name) for name in ("query", "k", "language", "user_id") if name in columns}
    if "filters" in columns:
        text = at("filters")
        if not isinstance(text, str):
            raise InvalidFields([FieldFault(path=("inputs", "filters"), detail="must be a text that holds JSON")])
        filters = parse_json(FilterFields, text.encode("utf-8", "replace"))
        fields |= filters.model_dump(exclude_defaults=True)
    return parse_object(RecommendRequest, fields, ("inputs",))


def _fault(index: int, detail: str) -> InvalidFields:
    return InvalidFields([FieldFault(path=("inputs", index), detail=detail)])
