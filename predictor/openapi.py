"""The OpenAPI document: what FastAPI finds, and the bodies and refusals that our routes handle by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from predictor.answers import ProblemResponse
from predictor.problems import CONTENT_TYPE, KINDS
from predictor.schemas import FeedbackRequest, RecommendRequest, RetrainCheckRequest

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_ABOUT = """
Recipe recommendations from one model version.

KServe's protocols are served on the same port and not listed here. `POST /v1/models/{model}:predict` takes
`{"instances": [...]}` of up to 64 bodies as of `POST /recommend` and answers `{"predictions": [...]}` of its answers.
`POST /v2/models/{model}/infer` and gRPC `ModelInfer` take a BYTES tensor `query`, and optionally `k`, `language` and
`filters` (JSON); they answer the tensors `ids`, `scores` and `payload`.

Every error is a problem document (RFC 9457). Every answer has an `x-request-id`; one that is sent along is kept.
"""


def request_body(wire: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """Document a body that the route reads by itself."""
    schema = {"$ref": _REF.format(model=wire.__name__)}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Document the refusals of a route; those that share a status share an entry."""
    schema = {"$ref": _REF.format(model=ProblemResponse.__name__)}
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        entry = answers.setdefault(int(status), {"description": title, "content": {CONTENT_TYPE: {"schema": schema}}})
        if title not in entry["description"]:
            entry["description"] += f"; or: {title}"
    return answers


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document of `app`, with the wire types that its routes read and refuse by themselves."""
    found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_ABOUT.strip())
    wires: tuple[type[BaseModel], ...] = (RecommendRequest, FeedbackRequest, RetrainCheckRequest)
    _, schemas = models_json_schema(
        [*((wire, "validation") for wire in wires), (ProblemResponse, "serialization")], ref_template=_REF
    )
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas["$defs"])
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for operations in found["paths"].values():
        for operation in operations.values():
            # FastAPI documents its own answer to bad parameters; ours is a problem document.
            if "422" in operation["responses"]:
                operation["responses"]["422"] = problems("invalid")[422]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    return found
