"""The OpenAPI document: what is served, what is kept in docs/, and that its examples are true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from predictor.answers import RecommendResponse
from predictor.openapi_snapshot import snapshot
from predictor.problems import KINDS
from predictor.schemas import FeedbackRequest, RecommendRequest

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_snapshot_is_up_to_date():
    assert SNAPSHOT.read_bytes() == snapshot(), "python -m predictor.openapi_snapshot > docs/openapi.json"


def test_the_document_is_served(world):
    assert world.request("GET", "/openapi.json").json() == json.loads(SNAPSHOT.read_bytes())


def test_every_reference_leads_somewhere():
    document = json.loads(SNAPSHOT.read_bytes())
    references = {value for value in strings(document) if value.startswith("#/components/")}

    assert references
    for reference in references:
        found = document
        for step in reference.removeprefix("#/").split("/"):
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
