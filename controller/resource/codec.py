"""Values to JSON types and back, by pydantic: the only module that runs it; the values stay plain dataclasses.

Why pydantic over dataclasses rather than models of its own or hand-written code: one definition of each field serves as
value, parser, printer and JSON schema (which the CRD is held against), and all problems of a document come at once.
Data is read as JSON and strictly, so `1.0` is no integer, `"1"` no number and `yes` no string.
"""

import hashlib
import json
from functools import cache
from threading import Lock
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

T = TypeVar("T")
Unknown = Literal["forbid", "ignore"]


class Codec(Generic[T]):
    """Reads and writes one kind of value. `unknown` says what happens to fields that it does not have."""

    def __init__(self, kind: type[T], unknown: Unknown) -> None:
        config = ConfigDict(
            extra=unknown, alias_generator=to_camel, ser_json_inf_nan="strings", use_attribute_docstrings=True
        )
        # A container takes a config and hands it down; a plain dataclass would need one of its own, and know pydantic.
        self._adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", tuple)[kind], config=config)

    def load(self, data: object) -> T:
        """Read JSON types. Raises pydantic.ValidationError, whose locations begin with an index to be dropped."""
        (value,) = self._adapter.validate_json(json.dumps([data], default=_yaml_scalar), strict=True)
        return cast("T", value)

    def dump(self, value: T, *, terse: bool = True) -> dict[str, Any]:
        """Write JSON types; `terse` leaves out what equals its default."""
        (data,) = self._adapter.dump_python((value,), mode="json", by_alias=True, exclude_defaults=terse)
        return cast("dict[str, Any]", data)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of what `load` accepts."""
        return cast("dict[str, Any]", self._adapter.json_schema()["$defs"])


# Pydantic reads docstrings with `ast`, which in Python 3.11 two threads must not use at once: "SystemError: AST
# constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905).
_BUILDING = Lock()


def codec(kind: type[T], unknown: Unknown = "ignore") -> Codec[T]:
    """The codec of a kind; made at first use and kept, because building one takes milliseconds."""
    with _BUILDING:
        return _built(cast("Any", kind), unknown)


@cache
def _built(kind: Any, unknown: Unknown) -> Codec[Any]:
    return Codec(kind, unknown)


def digest(data: object) -> str:
    """`sha256:` of JSON types in their canonical form: sorted keys, no spaces."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _yaml_scalar(value: object) -> str:
    """YAML reads an unquoted timestamp as a date object; everything else it makes is JSON already."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
