"""The served model as KServe sees it: V1, V2 REST and gRPC, all answered by `Recommending`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from grpc import StatusCode  # type: ignore[import-untyped] # it has no types, and no stubs are installed
from grpc_interceptor.exceptions import GrpcException

from mlops.errors import Invalid
from predictor.answers import recommendation_body
from predictor.kserve_import import only_what_serves
from predictor.problems import Problem, Refused, problem_of
from predictor.request_record import current_record, request_id_from
from predictor.schemas import MAX_BATCH, RecommendRequest
from predictor.tensors import INPUTS, OUTPUTS, requests_of, response_of
from predictor.validation import FieldFault, InvalidFields, MalformedBody, parse_object

with only_what_serves():
    from kserve import InferRequest, InferResponse, Model

if TYPE_CHECKING:
    from collections.abc import Callable

    from predictor.recommending import Recommending
    from predictor.slot import Slot
    from predictor.telemetry import Telemetry

# HTTP status to gRPC code, for the problems that a prediction can meet.
_GRPC_CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    422: StatusCode.INVALID_ARGUMENT,
    403: StatusCode.PERMISSION_DENIED,
    429: StatusCode.RESOURCE_EXHAUSTED,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


class RecipeModel(Model):  # type: ignore[misc] # KServe has no types
    """One name in KServe's repository. It is registered from the start and healthy once the slot holds a model."""

    def __init__(
        self,
        name: str,
        recommending: Recommending,
        slot: Slot,
        telemetry: Telemetry,
        new_id: Callable[[], str],
    ) -> None:
        super().__init__(name, return_response_headers=True)
        self._recommending = recommending
        self._slot = slot
        self._telemetry = telemetry
        self._new_id = new_id
        # KServe starts listening only for a model that says so; `healthy` is what readiness goes by.
        self.ready = True

    async def healthy(self) -> bool:
        """Tell whether a question would be answered now."""
        return self._slot.serving

    def load(self) -> bool:
        """Do nothing: KServe calls this for each request to a model that is not healthy."""
        return self._slot.serving

    def get_input_types(self) -> list[dict[str, Any]]:
        """Describe the V2 inputs."""
        return [dict(tensor) for tensor in INPUTS]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Describe the V2 outputs."""
        return [dict(tensor) for tensor in OUTPUTS]

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:  # noqa: ARG002 - KServe's signature
        """Decode what KServe leaves as bytes: JSON under any content type but the four that it knows."""
        if not isinstance(payload, bytes):
            return payload
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise MalformedBody(f"the body is not JSON: {error.msg}") from None

    async def predict(
        self,
        payload: Any,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,  # noqa: ARG002 - FrontDoor adds the version to every answer
    ) -> Any:
        """Answer a V1 body (a dict) or V2 tensors, over whichever transport they came.

        Raises GrpcException over gRPC; over REST the faults that `FrontDoor` and the handler of Refused know.
        """
        if isinstance(payload, InferRequest):
            if payload.from_grpc:
                return await self._over_grpc(payload, headers or {})
            return await self._infer(payload)
        instances = _instances(payload)
        given = await self._recommending.answer(instances)
        return {"predictions": [recommendation_body(recommendation) for recommendation in given]}

    async def explain(self, payload: Any, headers: dict[str, str] | None = None) -> Any:  # noqa: ARG002 - KServe's signature
        """Refuse; every prediction carries its explanation."""
        raise Refused(Problem(kind="not-supported", detail="the explanation is part of every prediction"))

    async def _infer(self, infer: InferRequest) -> InferResponse:
        asked = requests_of(infer)
        given = await self._recommending.answer(asked)
        return response_of(infer, asked, given, current_record().request_id)

    async def _over_grpc(self, infer: InferRequest, headers: dict[str, str]) -> InferResponse:
        """Do what FrontDoor does for HTTP: note the request, and translate faults."""
        request_id = request_id_from(headers.get("x-request-id", ""), self._new_id)
        with self._telemetry.request(
            request_id=request_id, route="ModelInfer", method="gRPC", headers=headers
        ) as record:
            try:
                response = await self._infer(infer)
            except Exception as error:
                problem = problem_of(error)
                record.status, record.error = problem.status, problem.kind
                code = _GRPC_CODES.get(problem.status, StatusCode.INTERNAL)
                raise GrpcException(status_code=code, details=problem.detail) from error
            record.status = 200
            return response


def _instances(payload: Any) -> list[RecommendRequest]:
    """Read a V1 body: `{"instances": [...]}`, each as the body of POST /recommend."""
    if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
        raise Invalid("the body must be an object with a list `instances`")
    instances = payload["instances"]
    if not 1 <= len(instances) <= MAX_BATCH:
        detail = f"must hold 1 to {MAX_BATCH} instances, not {len(instances)}"
        raise InvalidFields([FieldFault(path=("instances",), detail=detail)])
    return [parse_object(RecommendRequest, instance, ("instances", index)) for index, instance in enumerate(instances)]
