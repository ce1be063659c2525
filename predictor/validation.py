"""From bytes and plain objects to wire types, with faults a client can act on: the field's path and the rule."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlops.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
Wire = TypeVar("Wire", bound=BaseModel)

_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One broken rule: where, as keys and indexes from the top of the body, and what."""

    path: Path
    detail: str

    @property
    def dotted(self) -> str:
        """The path as people write it: `instances[0].k`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".")

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer in a URI fragment (RFC 6901): `#/instances/0/k`."""
        return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.path)


class MalformedBody(Invalid):
    """The body is no JSON at all."""


class InvalidFields(Invalid):
    """The body is JSON but breaks rules; `faults` names each."""

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.dotted or 'body'}: {fault.detail}" for fault in faults))


def parse_json(wire: type[Wire], body: bytes) -> Wire:
    """Read `body` as `wire` in one pass, by a parser that refuses bad UTF-8, lone surrogates and deep nesting.

    Raises MalformedBody, InvalidFields.
    """
    try:
        return wire.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        if details[0]["type"] == "json_invalid":
            raise MalformedBody(details[0]["msg"]) from None
        raise InvalidFields(_faults(wire, details, ())) from None


def parse_object(wire: type[Wire], value: Any, path: Path = ()) -> Wire:
    """Read an object that something else has decoded; `path` is where it stood in the body.

    Raises InvalidFields.
    """
    try:
        return wire.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        raise InvalidFields(_faults(wire, details, path)) from None


def _faults(wire: type[BaseModel], details: Sequence[ErrorDetails], path: Path) -> list[FieldFault]:
    # Bounded: a hostile body can break a rule per byte.
    return [
        FieldFault(path=(*path, *(_short(step) for step in detail["loc"])), detail=_explain(wire, detail))
        for detail in details[:_MOST_FAULTS]
    ]


def _explain(wire: type[BaseModel], detail: ErrorDetails) -> str:
    if detail["type"] != "extra_forbidden":
        return detail["msg"]
    close = get_close_matches(str(_short(detail["loc"][-1])), wire.model_fields, n=1)
    return f"unknown field; did you mean {close[0]!r}?" if close else "unknown field"


def _short(step: str | int) -> str | int:
    """A key of the client's own choosing is shown, but not at any length."""
    return step[:60] if isinstance(step, str) else step
