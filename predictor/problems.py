"""Errors as clients see them: RFC 9457 problem details. The one place where a fault gets a status code.

Only messages made for clients are shown: of our own refusals, and the hints of faults. What broke goes to the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from mlops.errors import Conflict, Invalid, MlopsError, NotFound, Transient
from mlops.feedback import FeedbackNotKept
from predictor.slot import NotServing
from predictor.validation import FieldFault, InvalidFields, MalformedBody
from predictor.workers import DeadlineExceeded, Overloaded

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:recipe-recommender:problem:"

# Every kind a problem can have; also the only values of the label `kind` of the error counter.
KINDS: Mapping[str, tuple[HTTPStatus, str]] = {
    "malformed": (HTTPStatus.BAD_REQUEST, "The body is not valid JSON"),
    "invalid": (HTTPStatus.UNPROCESSABLE_ENTITY, "The request breaks a rule"),
    "unauthorized": (HTTPStatus.UNAUTHORIZED, "A valid bearer token is required"),
    "forbidden": (HTTPStatus.FORBIDDEN, "This is not allowed here"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such thing"),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "The method is not allowed here"),
    "timeout": (HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive"),
    "conflict": (HTTPStatus.CONFLICT, "The present state forbids it"),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
    "media-type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON"),
    "overloaded": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests at once"),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed"),
    "not-supported": (HTTPStatus.NOT_IMPLEMENTED, "This is not supported"),
    "not-serving": (HTTPStatus.SERVICE_UNAVAILABLE, "No model is served yet"),
    "not-configured": (HTTPStatus.SERVICE_UNAVAILABLE, "This is not configured here"),
    "unreachable": (HTTPStatus.SERVICE_UNAVAILABLE, "Something the service depends on cannot be reached"),
    "not-kept": (HTTPStatus.SERVICE_UNAVAILABLE, "The feedback could not be kept"),
    "deadline": (HTTPStatus.GATEWAY_TIMEOUT, "The answer took too long"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal. `kind` is a key of KINDS; `errors` points at fields; `headers` go out with it."""

    kind: str
    detail: str
    errors: tuple[FieldFault, ...] = ()
    parameter: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return int(KINDS[self.kind][0])

    def to_body(self, *, instance: str, request_id: str) -> dict[str, Any]:
        """Return the members of RFC 9457 §3.1, and `errors` and `request_id` as extensions."""
        status, title = KINDS[self.kind]
        body: dict[str, Any] = {
            "type": _TYPE_PREFIX + self.kind,
            "title": title,
            "status": int(status),
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.parameter is not None:
            body["errors"] = [{"parameter": self.parameter, "detail": self.detail}]
        if self.errors:
            body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in self.errors]
        return body


class Refused(Exception):  # noqa: N818 - reads as what happened: `raise Refused(problem)`
    """Carries a problem from where it is noticed to where answers are written."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How a fault becomes a problem. `told`: its message was made for clients; else only its hint is."""

    kind: str
    told: bool
    retry_after: str | None = None


# The first class that fits decides, so the special stand before the general.
_RULES: tuple[tuple[type[MlopsError], _Rule], ...] = (
    (MalformedBody, _Rule(kind="malformed", told=True)),
    (Overloaded, _Rule(kind="overloaded", told=True, retry_after="1")),
    (DeadlineExceeded, _Rule(kind="deadline", told=True)),
    (NotServing, _Rule(kind="not-serving", told=False, retry_after="5")),
    (FeedbackNotKept, _Rule(kind="not-kept", told=False, retry_after="1")),
    (Invalid, _Rule(kind="invalid", told=True)),
    (NotFound, _Rule(kind="not-found", told=True)),
    (Conflict, _Rule(kind="conflict", told=True)),
    (Transient, _Rule(kind="unreachable", told=False, retry_after="5")),
)
_INTERNAL = _Rule(kind="internal", told=False)
SEE_LOG = "see the log of the service for this request id"


def problem_of(error: Exception) -> Problem:
    """Say what a client is told about `error`; anything unforeseen is `internal`, without its text."""
    if isinstance(error, Refused):
        return error.problem
    if not isinstance(error, MlopsError):
        return Problem(kind="internal", detail=SEE_LOG)
    rule = next((rule for kind, rule in _RULES if isinstance(error, kind)), _INTERNAL)
    said = (error.message, error.hint) if rule.told else (error.hint,)
    return Problem(
        kind=rule.kind,
        detail="; ".join(part for part in said if part) or SEE_LOG,
        errors=error.faults if isinstance(error, InvalidFields) else (),
        headers={} if rule.retry_after is None else {"retry-after": rule.retry_after},
    )


def problem_response(problem: Problem, *, instance: str, request_id: str) -> Response:
    """Return the HTTP answer."""
    return Response(
        orjson.dumps(problem.to_body(instance=instance, request_id=request_id)),
        status_code=problem.status,
        media_type=CONTENT_TYPE,
        headers=dict(problem.headers),
    )


def kserve_response(problem: Problem) -> Response:
    """Return the same as KServe's protocols write errors: one member, `error`."""
    return Response(
        orjson.dumps({"error": problem.detail}),
        status_code=problem.status,
        media_type="application/json",
        headers=dict(problem.headers),
    )
