"""JSON over HTTP: what counts as a JSON request, and how a JSON answer is sent."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

from predictor.problems import Problem, Refused

if TYPE_CHECKING:
    from starlette.requests import Request

_JSON = "application/json"


async def json_body(request: Request) -> bytes:
    """Return the body of a request that says it is JSON, in whatever charset it claims: JSON is UTF-8 (RFC 8259).

    Raises Refused. Taking JSON under a form's content type would let any web page post here from a visitor's browser.
    """
    content_type = Message()
    content_type["content-type"] = request.headers.get("content-type", "")
    subtype = content_type.get_content_type()
    if subtype != _JSON and not (subtype.startswith("application/") and subtype.endswith("+json")):
        raise Refused(Problem(kind="media-type", detail="send the header content-type: application/json"))
    return await request.body()


def json_answer(body: object, *, status: int = 200) -> Response:
    """Return `body` as JSON."""
    return Response(orjson.dumps(body), status_code=status, media_type=_JSON)
