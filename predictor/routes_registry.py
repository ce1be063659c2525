"""GET /models, GET /models/{model}/production, POST /retrain/check: for a process that has a registry wired to it."""

import hmac
from collections.abc import Callable
from typing import Annotated, NoReturn, TypeVar

from fastapi import Query, Request
from starlette.responses import Response

from predictor.json_messages import json_answer, json_body
from predictor.ports import ModelsView, RetrainCheck
from predictor.problems import Problem, Refused
from predictor.schemas import RetrainCheckRequest
from predictor.validation import parse_json
from predictor.workers import DeadlineExceeded, Workers

T = TypeVar("T")

_SECONDS = 5.0
_NOT_WIRED = (
    "no registry is configured for this process; "
    "in a cluster the controller answers this route, on a laptop the process of `recipes up`"
)


class Token:
    """The bearer token that changes ask for; without one set, everybody may."""

    def __init__(self, expected: str | None) -> None:
        self._expected = expected

    def require(self, request: Request) -> None:
        """Compare in a time that does not depend on how much is right.

        Raises Refused.
        """
        if self._expected is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._expected.encode())
        if not right or scheme.lower() != "bearer":
            raise Refused(
                Problem(
                    kind="unauthorized",
                    detail="send the header authorization: Bearer with the token of PREDICTOR_API_TOKEN",
                    headers={"www-authenticate": 'Bearer realm="recipe-recommender"'},
                )
            )


class ModelsRoute:
    """Shows the registry. `view` may block, so it is asked on `workers`."""

    def __init__(self, view: ModelsView | None, workers: Workers) -> None:
        self._view = view
        self._workers = workers

    async def models(
        self,
        model: Annotated[str | None, Query(max_length=128, description="Only versions of this model.")] = None,
        stage: Annotated[str | None, Query(max_length=32, description="Only versions in this stage.")] = None,
        version: Annotated[str | None, Query(max_length=64, description="Only versions that begin so.")] = None,
    ) -> Response:
        """List registered versions, those that pass every filter given."""
        view = self._view or _not_wired()
        versions = await _ask(self._workers, view.list)
        chosen = [found for found in versions if found.passes(model=model, stage=stage, version=version)]
        return json_answer({"models": [found.to_json() for found in chosen]})

    async def production(self, model: str) -> Response:
        """Show the version of a model that is in production."""
        view = self._view or _not_wired()
        found = await _ask(self._workers, lambda: view.production(model))
        if found is None:
            detail = f"no version of {model[:128]!r} is in production; GET /models?model= lists its versions"
            raise Refused(Problem(kind="not-found", detail=detail))
        return json_answer(found.to_json())


class RetrainRoute:
    """Asks whether a model should be retrained."""

    def __init__(self, check: RetrainCheck | None, workers: Workers, token: Token, served_model: str) -> None:
        self._check = check
        self._workers = workers
        self._token = token
        self._served_model = served_model

    async def check(self, request: Request) -> Response:
        """Judge every trigger of retraining now, and start it where it is due; the reasons state the arithmetic."""
        self._token.require(request)
        body = await request.body()
        wanted = parse_json(RetrainCheckRequest, await json_body(request)) if body else RetrainCheckRequest()
        check = self._check or _not_wired()
        decision = await _ask(self._workers, lambda: check.check(wanted.model or self._served_model))
        return json_answer(
            {
                "model": decision.model,
                "retrain": decision.retrain,
                "reasons": list(decision.reasons),
                "job": decision.job,
            }
        )


def _not_wired() -> NoReturn:
    raise Refused(Problem(kind="not-configured", detail=_NOT_WIRED))


async def _ask(workers: Workers, call: Callable[[], T]) -> T:
    try:
        return await workers.run(call, seconds=_SECONDS)
    except DeadlineExceeded:
        detail = f"the registry did not answer within {_SECONDS:g} s; is it running? GET /health shows its state"
        raise Refused(Problem(kind="unreachable", detail=detail, headers={"retry-after": "5"})) from None
