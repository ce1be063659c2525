"""The product's own HTTP API as a value: one table of routes, and every fault turned into a problem document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mlops.errors import MlopsError
from predictor.answers import (
    FeedbackResponse,
    HealthResponse,
    ModelsResponse,
    RecommendResponse,
    RetrainResponse,
    RolloutResponse,
    StatisticsResponse,
    VersionOut,
)
from predictor.body import WholeRequest
from predictor.openapi import document, problems, request_body
from predictor.problems import KINDS, Problem, Refused, problem_of, problem_response
from predictor.request_record import current_record
from predictor.schemas import FeedbackRequest, RecommendRequest, RetrainCheckRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from predictor.routes_health import HealthRoute, MetricsRoute
    from predictor.routes_page import PageRoute, RolloutRoute
    from predictor.routes_recommend import FeedbackRoute, RecommendRoute
    from predictor.routes_registry import ModelsRoute, RetrainRoute

VERSION = "1.0"
_BODY = ("malformed", "invalid", "too-large", "media-type", "timeout", "overloaded", "internal")
_FEEDBACK = ("conflict", "not-configured", "not-kept")
_REGISTRY = ("not-configured", "unreachable", "overloaded", "internal")

_log = structlog.stdlib.get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The handlers that the table below names."""

    recommend: RecommendRoute
    feedback: FeedbackRoute
    health: HealthRoute
    metrics: MetricsRoute
    models: ModelsRoute
    rollout: RolloutRoute
    page: PageRoute
    retrain: RetrainRoute


def create_api(routes: Routes) -> FastAPI:
    """Return the application. It is served behind `FrontDoor`, which gives it bounded bodies and request ids."""
    app = FastAPI(
        title="Recipe Recommender",
        version=VERSION,
        docs_url=None,  # its page would run a script from somebody else's host beside our tokens
        redoc_url=None,
        exception_handlers={
            MlopsError: _fault,
            Refused: _fault,
            HTTPException: _http_fault,
            RequestValidationError: _parameter_fault,
            Exception: _fault,
        },
    )
    for method, path, handler, documented in _table(routes):
        app.add_api_route(path, handler, methods=[method], response_model=None, response_class=Response, **documented)
    app.openapi = lambda: document(app)  # type: ignore[method-assign] # FastAPI's documented way to replace it
    return app


def _table(routes: Routes) -> tuple[tuple[str, str, Callable[..., Any], dict[str, Any]], ...]:
    return (
        ("POST", "/recommend", routes.recommend.recommend, {
            "summary": "Recommend recipes",
            "responses": {200: {"model": RecommendResponse}, **problems(*_BODY, "not-serving", "deadline")},
            "openapi_extra": request_body(RecommendRequest),
        }),
        ("POST", "/feedback", routes.feedback.feedback, {
            "summary": "Report what a user did",
            "status_code": 202,
            "responses": {202: {"model": FeedbackResponse}, **problems(*_BODY, *_FEEDBACK)},
            "openapi_extra": request_body(FeedbackRequest),
        }),
        ("GET", "/health", routes.health.health, {
            "summary": "State of every part",
            "responses": {200: {"model": HealthResponse}, 503: {"model": HealthResponse}},
        }),
        ("GET", "/metrics", routes.metrics.metrics, {
            "summary": "Metrics for Prometheus, or statistics of the last minutes",
            "responses": {
                200: {"model": StatisticsResponse, "content": {"text/plain": {"schema": {"type": "string"}}}},
                **problems("invalid"),
            },
        }),
        ("GET", "/models", routes.models.models, {
            "summary": "Registered versions",
            "responses": {200: {"model": ModelsResponse}, **problems("invalid", *_REGISTRY)},
        }),
        ("GET", "/models/{model}/production", routes.models.production, {
            "summary": "The version in production",
            "responses": {200: {"model": VersionOut}, **problems("not-found", *_REGISTRY)},
        }),
        ("GET", "/models/{model}/rollout", routes.rollout.rollout, {
            "summary": "Where the versions of a model are",
            "responses": {
                200: {"model": RolloutResponse, "content": {"text/html": {"schema": {"type": "string"}}}},
                **problems("not-found", *_REGISTRY),
            },
        }),
        ("GET", "/", routes.page.page, {"include_in_schema": False}),
        ("POST", "/search", routes.page.search, {"include_in_schema": False}),
        ("POST", "/search/feedback", routes.page.feedback, {"include_in_schema": False}),
        ("POST", "/retrain/check", routes.retrain.check, {
            "summary": "Check whether to retrain",
            "responses": {200: {"model": RetrainResponse}, **problems(*_BODY, "unauthorized", *_REGISTRY)},
            "openapi_extra": request_body(RetrainCheckRequest, required=False) | {"security": [{}, {"token": []}]},
        }),
    )  # fmt: skip


class ShortCut:
    """Hands questions straight to their handler, and all else to `app`, whose layers cost as much as a small model."""

    def __init__(self, app: ASGIApp, recommend: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = app
        self._recommend = recommend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as `app` would."""
        if scope["path"] != "/recommend" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = WholeRequest(scope, receive)
        try:
            response = await self._recommend(request)
        except Exception as error:  # noqa: BLE001 - every fault is a problem document, as the application has it
            response = await _fault(request, error)
        await response(scope, receive, send)


async def _fault(request: Request, error: Exception) -> Response:
    record = current_record()
    problem = problem_of(error)
    record.error = problem.kind
    if problem.status >= 500 and not isinstance(error, Refused):  # noqa: PLR2004 - the service's own faults
        _log.error("request failed", request_id=record.request_id, exc_info=error)
    return problem_response(problem, instance=request.scope["path"], request_id=record.request_id)


async def _http_fault(request: Request, error: Exception) -> Response:
    """Turn what Starlette refuses by itself into a problem: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    kind = next((kind for kind, (status, _) in KINDS.items() if status == error.status_code), "malformed")
    known = {"not-found": "no such path; GET /openapi.json lists them", "method-not-allowed": "see the header allow"}
    problem = Problem(kind=kind, detail=known.get(kind, KINDS[kind][1]), headers=error.headers or {})
    return await _fault(request, Refused(problem))


async def _parameter_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    first = error.errors()[0]
    parameter = str(first["loc"][-1])
    return await _fault(request, Refused(Problem(kind="invalid", detail=str(first["msg"]), parameter=parameter)))
