"""The HTTP API as a document: `python -m predictor.openapi_reference > docs/http.md` prints it from the schemas."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from predictor.openapi_snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any]

_HEAD = """# HTTP API, field by field

Written by `make openapi` from [openapi.json](openapi.json), which has examples too.
What a schema cannot say is in [the API](api.md);
what each error means, in [troubleshooting](troubleshooting.md#every-http-problem).
"""
# How much of it there may be: the keys of JSON Schema that say so, and of what.
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " of them"),
    ("minProperties", "maxProperties", " of them"),
)


def reference(document: Schema) -> str:
    """The document of an OpenAPI document: each route, what it takes, what it answers."""
    lines = [_HEAD]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += _route(f"{method.upper()} {path}", operation, document)
    return "\n".join(lines)


def _route(title: str, operation: Schema, document: Schema) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{operation['summary']}.\n"
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        told = _cell(parameter.get("description", ""))
        yield f"- `{parameter['name']}`, in the {parameter['in']}: {_type(schema, document)}. {told}".rstrip()
    if operation.get("parameters"):
        yield ""
    if "requestBody" in operation:
        yield "| asked | type | default | what it is |\n|---|---|---|---|"
        yield from _asked(operation["requestBody"]["content"]["application/json"]["schema"], document)
        yield ""
    refusals = []
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            refusals.append(f"{status} ({answer['description']})")
        else:
            yield f"| answered, {status} | type | what it is |\n|---|---|---|"
            for path, each, _ in _fields(schema, "", document):
                yield f"| `{path}` | {_cell(_type(each, document))} | {_cell(each.get('description', ''))} |"
            yield ""
    if refusals:
        yield f"Refused: {', '.join(refusals)}.\n"


def _asked(schema: Schema, document: Schema) -> Iterator[str]:
    for path, each, required in _fields(schema, "", document):
        default = "required" if required else f"`{json.dumps(each['default'])}`" if "default" in each else ""
        yield f"| `{path}` | {_cell(_type(each, document))} | {default} | {_cell(each.get('description', ''))} |"


def _fields(schema: Schema, path: str, document: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """Every field below a schema: its path, its own schema, and whether it has to be there."""
    schema = _resolved(schema, document)
    for name, each in schema.get("properties", {}).items():
        yield f"{path}{name}", each, name in schema.get("required", ())
        inner, step = _inner(each, document)
        yield from _fields(inner, f"{path}{name}{step}.", document)


def _inner(schema: Schema, document: Schema) -> tuple[Schema, str]:
    """What is in an object, in each of a list, under each key of a map; and how a path says so."""
    schema = _given(_resolved(schema, document), document)
    if "items" in schema:
        return _given(_resolved(schema["items"], document), document), "[]"
    if isinstance(schema.get("additionalProperties"), dict):
        return _given(_resolved(schema["additionalProperties"], document), document), ".*"
    return schema, ""


def _type(schema: Schema, document: Schema) -> str:
    nullable = any(each.get("type") == "null" for each in schema.get("anyOf", ()))
    schema = _given(_resolved(schema, document), document)
    if "enum" in schema:
        told = " or ".join(str(each) for each in schema["enum"])
    elif schema.get("type") == "array":
        told = f"list of {_type(schema['items'], document)}"
    elif isinstance(schema.get("additionalProperties"), dict):
        told = f"map of {_type(schema['additionalProperties'], document)}"
    else:
        told = str(schema.get("type", "any"))
    told += "".join(_bounds(schema)) + (f" like `{schema['pattern']}`" if "pattern" in schema else "")
    return told + (", or null" if nullable else "")


def _bounds(schema: Schema) -> Iterator[str]:
    for least, most, unit in _BOUNDS:
        if least in schema and most in schema:
            yield f", {schema[least]} to {schema[most]}{unit}"
        elif most in schema:
            yield f", at most {schema[most]}{unit}"


def _resolved(schema: Schema, document: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _given(schema: Schema, document: Schema) -> Schema:
    """What stands beside `null`."""
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            return _resolved(each, document)
    return schema


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference(json.loads(snapshot())))
