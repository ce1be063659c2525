"""The controller's routes. What may block runs in the framework's threads; faults become problem documents."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import orjson
import structlog
from fastapi import Depends, FastAPI, Query, Request
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from controller.service.reviews import Denied, Unknown
from mlops.errors import Conflict, Invalid, MlopsError, NotFound, Transient
from mlops.status_page.page import HEADERS, rollout_page
from mlops.status_page.rollout import rollout_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prometheus_client import CollectorRegistry

    from controller.service.retrain_checks import Checked
    from mlops.registry.values import RegisteredVersion
    from mlops.status_page.rollout import Rollout

_LONGEST_BODY = 16 * 1024
_STATUS: Mapping[type[Exception], HTTPStatus] = {
    Unknown: HTTPStatus.UNAUTHORIZED,
    Denied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Transient: HTTPStatus.SERVICE_UNAVAILABLE,
}

_log = structlog.stdlib.get_logger("mlops")


class Registry(Protocol):
    """What is asked of the registry."""

    def list_versions(self, model: str | None = None) -> Sequence[RegisteredVersion]:
        """Every version, of one model or of all. Raises Transient."""
        ...

    def production(self, model: str) -> RegisteredVersion | None:
        """The version of a model in production. Raises Transient."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What the routes ask. `sick` and `unready` say what is wrong, None where nothing is.

    `rollout` raises NotFound for a model that there is none of. `admit` raises Unknown or Denied for a header
    `authorization` that may not start a retraining of a model.
    """

    registry: Registry
    rollout: Callable[[str], Rollout]
    check: Callable[[str], Checked]
    admit: Callable[[str, str], str]
    sick: Callable[[], str | None]
    unready: Callable[[], str | None]
    metrics: CollectorRegistry


class RetrainCheckRequest(BaseModel):
    """Which model to judge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1, max_length=127)


def create_app(backing: Backing) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="Recipe Recommender: controller", docs_url=None, redoc_url=None)

    @app.get("/models")
    def models(
        model: Annotated[str | None, Query(max_length=128)] = None,
        stage: Annotated[str | None, Query(max_length=32)] = None,
        version: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """List registered versions, those that pass every filter given."""
        versions = backing.registry.list_versions(model)
        found = [each for each in versions if each.passes(model=model, stage=stage, version=version)]
        return _json({"models": [each.to_json() for each in found]})

    @app.get("/models/{model}/production")
    def production(model: str) -> Response:
        """Show the version of a model that is in production."""
        found = backing.registry.production(model)
        if found is None:
            raise NotFound(
                f"no version of {model[:128]!r} is in production", hint="GET /models?model= lists its versions"
            )
        return _json(found.to_json())

    @app.get("/models/{model}/rollout")
    def rollout(model: str, request: Request) -> Response:
        """Say where each version of a model is, with its weight and gates: as JSON, or to a browser as a page."""
        return _rollout(backing.rollout(model), request.headers.get("accept", ""))

    @app.post("/retrain/check")
    def retrain_check(request: Request, body: Annotated[bytes, Depends(_body)]) -> Response:
        """Judge every trigger of retraining now, and start it where it is due; the reasons state the arithmetic."""
        try:
            wanted = RetrainCheckRequest.model_validate_json(body)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in fault["loc"]) or "body"
            raise Invalid(f"{where}: {fault['msg']}", hint='send {"model": NAME}') from error
        who = backing.admit(request.headers.get("authorization", ""), wanted.model)
        checked = backing.check(wanted.model)
        _log.info("asked whether to train again", model=wanted.model, by=who, retrain=checked.retrain)
        return _json(checked.to_json())

    @app.get("/healthz")
    def healthz() -> Response:
        """Say whether the process is worth keeping."""
        return _probe(backing.sick())

    @app.get("/readyz")
    def readyz() -> Response:
        """Say whether it knows the cluster's state."""
        return _probe(backing.unready())

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        """Return the metrics of this replica, as Prometheus reads them."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(backing.metrics), headers={"content-type": content_type})

    app.exception_handler(MlopsError)(_refused)
    app.exception_handler(HTTPException)(_not_a_route)
    app.exception_handler(Exception)(_broken)
    return app


async def _body(request: Request) -> bytes:
    """The body, of which nobody needs to send much."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {_LONGEST_BODY} bytes")
    return body


def _probe(wrong: str | None) -> Response:
    status = HTTPStatus.OK if wrong is None else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(wrong or "ok", status_code=status, media_type="text/plain")


def _rollout(found: Rollout, accept: str) -> Response:
    return Response(rollout_page(found), headers=HEADERS) if "text/html" in accept else _json(rollout_json(found))


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return Response(orjson.dumps(body), int(status), headers, "application/problem+json")


async def _refused(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_GATEWAY)
    told = error if isinstance(error, MlopsError) else MlopsError(str(error))
    headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"retry-after": "5"}
    return _problem(status, f"{told.message}. {told.hint}".strip(), headers)


async def _not_a_route(_request: Request, error: Exception) -> Response:
    status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, ""
    if isinstance(error, HTTPException):
        status, detail = HTTPStatus(error.status_code), str(error.detail)
    return _problem(status, detail)


async def _broken(_request: Request, error: Exception) -> Response:
    _log.error("a request broke off", exc_info=error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the controller failed; its log says how")
