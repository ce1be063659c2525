"""The status page: GET /, the forms on it, and where a model's rollout is."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from fastapi import Request
from starlette.responses import Response

from mlops.status_page.page import HEADERS, SAYINGS, answered, fault, page, rollout_page, thanks
from mlops.status_page.rollout import Rollout, rollout_json
from predictor.json_messages import json_answer
from predictor.problems import Problem, Refused, problem_of
from predictor.request_record import current_record
from predictor.routes_health import HealthRoute
from predictor.routes_recommend import FeedbackRoute, RecommendRoute
from predictor.schemas import FeedbackRequest, RecommendRequest
from predictor.validation import parse_object
from predictor.workers import Workers

_SECONDS = 5.0
_SHOWN = 10
_DISLIKED = 1  # of five stars
_FORM = "application/x-www-form-urlencoded"
_HERE = frozenset({"same-origin", "none"})
_NO_ROLLOUT = "no rollouts are known to this process; in a cluster the controller answers this route"

_log = structlog.stdlib.get_logger("app")


class PageRoute:
    """The page, and what its forms ask for. A form of another site is refused: it would speak in the visitor's name."""

    def __init__(self, model: str, health: HealthRoute, recommend: RecommendRoute, feedback: FeedbackRoute) -> None:
        self._model = model
        self._health = health
        self._recommend = recommend
        self._feedback = feedback

    async def page(self) -> Response:
        """Show the page."""
        return await self._shown()

    async def search(self, request: Request) -> Response:
        """Answer the search form. By POST, so that nobody's words are in an address."""
        query = ""
        try:
            given = await _form(request)
            query = given.get("query", "")
            found = await self._recommend.compute(parse_object(RecommendRequest, {"query": query, "k": _SHOWN}))
        except Exception as error:  # noqa: BLE001 - a person reads the reason on the page; what is unforeseen is logged
            return await self._refused(error, query)
        answer = found.answer
        told = answered(found.id, found.served.version, found.latency_ms, answer.language, answer.hits, answer.notes)
        return await self._shown(query=query, answer=told)

    async def feedback(self, request: Request) -> Response:
        """Keep what a button says."""
        try:
            given = await _form(request)
            said, recipe = given.get("said", ""), given.get("recipe", "")
            about = {"recommendation_id": given.get("recommendation_id", ""), **_about(said, recipe)}
            await self._feedback.keep(parse_object(FeedbackRequest, about))
        except Exception as error:  # noqa: BLE001 - as above
            return await self._refused(error)
        return await self._shown(answer=thanks(said))

    async def _refused(self, error: Exception, query: str = "") -> Response:
        problem, record = problem_of(error), current_record()
        record.error = problem.kind
        if problem.kind == "internal" and not isinstance(error, Refused):
            _log.error("request failed", request_id=record.request_id, exc_info=error)
        return await self._shown(query=query, answer=fault(problem.detail), status=problem.status)

    async def _shown(self, *, query: str = "", answer: str = "", status: int = 200) -> Response:
        _, health = await self._health.state()
        return Response(page(self._model, health, query=query, answer=answer), status_code=status, headers=HEADERS)


class RolloutRoute:
    """Where a model's rollout is; `rollout` may block. In a cluster the controller answers in its place."""

    def __init__(self, rollout: Callable[[str], Rollout] | None, workers: Workers) -> None:
        self._rollout = rollout
        self._workers = workers

    async def rollout(self, model: str, request: Request) -> Response:
        """Say where each version of a model is, with its weight and gates: as JSON, or to a browser as a page."""
        find = self._rollout
        if find is None:
            raise Refused(Problem(kind="not-configured", detail=_NO_ROLLOUT))
        found = await self._workers.run(lambda: find(model), seconds=_SECONDS)
        if "text/html" in request.headers.get("accept", ""):
            return Response(rollout_page(found), headers=HEADERS)
        return json_answer(rollout_json(found))


def _about(said: str, recipe: str) -> dict[str, Any]:
    """What a button says, as POST /feedback has it. Raises Refused."""
    if said not in SAYINGS:
        raise Refused(Problem(kind="invalid", detail=f"said is one of {', '.join(SAYINGS)}"))
    return {"ratings": {recipe: _DISLIKED}} if said == "disliked" else {said: [recipe]}


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form of ours. Raises Refused."""
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(Problem(kind="media-type", detail=f"a form is sent as {_FORM}; programs use POST /recommend"))
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != headers.get("host", "")
    if foreign or headers.get("sec-fetch-site", "same-origin") not in _HERE:
        raise Refused(Problem(kind="forbidden", detail="this form is of another site"))
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True, max_num_fields=20).items()}
