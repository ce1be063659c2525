"""The chart's CRDs are those of the parser, and the samples are what they describe."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import validate

from controller.resource.crd import crds
from controller.resource.meta import API_VERSION
from controller.resource.parse import parse
from controller.resource.reference import reference

ROOT = Path(__file__).parents[4]
CHART = ROOT / "charts" / "recipe-recommender"


def test_the_charts_crds_are_made_of_the_values_that_the_parser_reads():
    written = list(yaml.safe_load_all((CHART / "files" / "crds.yaml").read_text(encoding="utf-8")))
    assert written == crds(), "make crds"


def test_no_schema_holds_what_kubernetes_refuses():
    def nodes(value):
        yield value
        for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from nodes(below)

    for crd in crds():
        (version,) = crd["spec"]["versions"]
        for node in nodes(version["schema"]):
            assert not isinstance(node, dict) or not {"$ref", "anyOf", "const", "title"} & set(node)


def test_every_field_of_a_version_but_its_intent_is_frozen():
    spec = crds()[1]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    frozen = {rule["message"].partition(" ")[0] for rule in spec["x-kubernetes-validations"]}

    assert frozen == set(spec["properties"]) - {"intent"}


def defaulted(schema, value):
    """What an API server makes of a document: defaults for what objects that are there leave out."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    found = {name: defaulted(fields.get(name, {}), each) for name, each in value.items()}
    return {name: field["default"] for name, field in fields.items() if "default" in field} | found


def spec_schema(kind):
    (crd,) = [each for each in crds() if each["spec"]["names"]["kind"] == kind]
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


BLOCKS = {
    "nothing": {}, "a block without fields": {"evaluation": {}, "rollout": {}, "approval": {}, "rollback": {}},
    "steps": {"rollout": {"steps": [{"weight": 10}], "analysis": {"patience": {"error": {}}}}},
    "gates": {"evaluation": {"gates": [{"metric": "ndcg@10", "threshold": "0.3"}]}},
    "retraining": {"retraining": {"schedule": "0 3 * * *", "triggers": {}}},
}  # fmt: skip


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS.keys())
def test_an_api_servers_defaults_are_the_parsers(blocks):
    model = {"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": "soups"}, "spec": blocks}
    version = {
        "apiVersion": API_VERSION, "kind": "ModelVersion", "metadata": {"name": "soups-1-0-0"},
        "spec": {"model": "soups", "version": "1.0.0"} | {name: block for name, block in blocks.items() if name != "evaluation"},
    }  # fmt: skip
    for document in (model, version):
        filled = document | {"spec": defaulted(spec_schema(document["kind"]), document["spec"])}
        assert parse(filled) == parse(document)


def test_the_document_of_all_fields_is_what_the_schemas_say():
    assert (ROOT / "docs" / "resources.md").read_text(encoding="utf-8") == reference(), "make crds"


@pytest.mark.parametrize("kind", ["Model", "ModelVersion", "ModelApproval"])
def test_kubectl_explains_every_field(kind):
    def silent(schema, path):
        for name, each in schema.get("properties", {}).items():
            if not each.get("description"):
                yield f"{path}.{name}"
            yield from silent(each, f"{path}.{name}")
            yield from silent(each.get("items", {}), f"{path}.{name}[]")

    assert list(silent(spec_schema(kind), kind)) == []


def test_what_a_lever_does_is_shown_without_being_set():
    assert defaulted(spec_schema("ModelVersion"), {})["intent"] == "Promote"
    assert defaulted(spec_schema("Model"), {})["paused"] is False


@pytest.mark.parametrize("path", sorted((ROOT / "manifests").glob("*-*.yaml")), ids=lambda path: path.name)
def test_a_sample_is_what_the_schema_and_the_parser_take(path):
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        validate(document["spec"], closed(spec_schema(document["kind"])))
        parse(document)


def closed(schema):
    """The schema as a kubectl that validates strictly reads it: what is unknown is refused."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: closed(each) for name, each in found["properties"].items()}
        found["additionalProperties"] = False
    if "items" in found:
        found["items"] = closed(found["items"])
    return found
