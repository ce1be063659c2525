"""The OpenAPI document: what is served, what is kept in docs/, and that its examples are true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from predictor.answers import RecommendResponse
from predictor.openapi_reference import reference
from predictor.openapi_snapshot import snapshot
from predictor.problems import KINDS
from predictor.schemas import FeedbackRequest, RecommendRequest

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_snapshot_is_up_to_date():
    assert SNAPSHOT.read_bytes() == snapshot(), "make openapi"


def test_the_reference_is_up_to_date_and_names_every_route():
    document = json.loads(SNAPSHOT.read_bytes())
    written = SNAPSHOT.with_name("http.md").read_text(encoding="utf-8")
    assert written == reference(document), "make openapi"
    assert re.findall(r"^## \w+ (\S+)$", written, re.MULTILINE) == list(document["paths"])


@pytest.mark.parametrize(
    "row",
    [
        "| `query` | string, 1 to 500 characters | required | What somebody wants to cook, in English or Spanish; 1 to 500 characters. |",
        "| `max_minutes` | integer, 1 to 100000, or null | `null` | Longest total time, in minutes. |",
        "| `ratings` | map of integer, 1 to 5, at most 50 of them | `{}` | Stars from 1 to 5, by recipe id. |",
        "| `recipes[].explanation.signals[].name` | string | The ranking: semantic, lexical and the like. |",
        "| `components.*.reason` | string |  |",
    ],
)  # fmt: skip
def test_a_field_is_written_with_its_path_its_bounds_and_its_default(row):
    assert row in reference(json.loads(SNAPSHOT.read_bytes())).splitlines()


def test_the_document_is_served(world):
    assert world.request("GET", "/openapi.json").json() == json.loads(SNAPSHOT.read_bytes())


def test_every_reference_leads_somewhere():
    document = json.loads(SNAPSHOT.read_bytes())
    references = {value for value in strings(document) if value.startswith("#/components/")}

    assert references
    for each in references:
        found = document
        for step in each.removeprefix("#/").split("/"):
            found = found[step]


def test_every_status_of_a_route_is_documented(world):
    documented = world.request("GET", "/openapi.json").json()["paths"]["/recommend"]["post"]["responses"]

    possible = {"malformed", "invalid", "too-large", "media-type", "timeout", "overloaded", "internal", "not-serving",
                "deadline"}  # fmt: skip
    assert {"200", *(str(int(KINDS[kind][0])) for kind in possible)} == set(documented)


@pytest.mark.parametrize("wire", [RecommendRequest, FeedbackRequest, RecommendResponse])
def test_the_examples_are_valid(wire):
    document = json.loads(SNAPSHOT.read_bytes())
    schema = document["components"]["schemas"][wire.__name__]
    assert schema["examples"]

    for example in schema["examples"]:
        wire.model_validate_json(json.dumps(example))
        Draft202012Validator(schema | {"components": document["components"]}).validate(example)


def test_a_real_answer_fits_the_document(world):
    document = json.loads(SNAPSHOT.read_bytes())
    schema = {"$ref": "#/components/schemas/RecommendResponse", "components": document["components"]}

    Draft202012Validator(schema).validate(world.post("/recommend", {"query": "soup"}).json())


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from strings(child)
