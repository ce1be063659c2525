"""JSON over HTTP: what counts as a JSON request, and how a JSON answer is sent."""

from __future__ import annotations

from email.message import Message
from functools import lru_cache
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
    if not is_json(request.headers.get("content-type", "")):
        raise Refused(Problem(kind="media-type", detail="send the header content-type: application/json"))
    return await request.body()


@lru_cache(maxsize=64)  # of what clients send, nearly all is the same; reading it costs as much as reading the body
def is_json(content_type: str) -> bool:
    """Whether a header says that it is JSON."""
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_type()
    return subtype == _JSON or (subtype.startswith("application/") and subtype.endswith("+json"))


def json_answer(body: object, *, status: int = 200) -> Response:
    """Return `body` as JSON."""
    return Response(orjson.dumps(body), status_code=status, media_type=_JSON)
