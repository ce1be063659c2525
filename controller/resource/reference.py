"""The fields of our resources as a document: `python -m controller.resource.reference` prints it. Pure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from controller.resource.crd import crds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.resource.crd import Schema

_HEAD = """# Resources

Everything that people write, field by field; `kubectl explain model.spec --recursive` says the same.
Written by `make crds` from what the parser reads. As a manifest: [model-full.yaml](../manifests/model-full.yaml).
Decimals are text, so that no digit is lost. A block that a ModelVersion names replaces the Model's block whole.
"""


def reference() -> str:
    """The document."""
    return "\n".join((_HEAD, *(line for crd in crds() for line in _kind(crd))))


def _kind(crd: Schema) -> Iterator[str]:
    kind, names = crd["spec"]["names"]["kind"], crd["spec"]["names"]
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    yield f"## {kind}\n"
    yield f"`{crd['spec']['group']}/v1alpha1`; `kubectl get {names['plural']}` or `{names['shortNames'][0]}`.\n"
    rules = [each["message"] for each in schema.get("x-kubernetes-validations", ())]
    frozen = [each["message"] for each in schema["properties"]["spec"].get("x-kubernetes-validations", ())]
    if frozen:
        names_kept = ", ".join(f"`{message.split()[0]}`" for message in frozen)
        rules.append(f"immutable: {names_kept}")
    for rule in rules:
        yield f"- {rule}"
    if rules:
        yield ""
    yield "| field | type | default | what it is |\n|---|---|---|---|"
    yield from _fields(schema["properties"]["spec"], "")
    yield ""


def _fields(schema: Schema, path: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        place = f"{path}{name}"
        default = "required" if name in required else _default(each)
        yield f"| `{place}` | {_type(each)} | {default} | {_one_line(each.get('description', ''))} |"
        yield from _fields(each, f"{place}.")
        if "items" in each:
            yield from _fields(each["items"], f"{place}[].")


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(str(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join((str(schema.get("type", "any")), *bounds))


def _default(schema: Schema) -> str:
    return f"`{schema['default']}`" if "default" in schema else ""


def _one_line(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
