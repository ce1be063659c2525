"""The chart's CRDs are those of the parser, and the samples are what they describe."""

from __future__ import annotations

from pathlib import Path

import yaml

from controller.resource.crd import crds

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
