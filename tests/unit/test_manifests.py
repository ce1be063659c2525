"""The samples that people copy are inputs that the parser takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from controller.resource.model import Model
from controller.resource.parse import dump, parse
from controller.resource.policy import DEFAULTS

SAMPLES = sorted((Path(__file__).parents[2] / "manifests").glob("*-*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_understood_and_says_something(path):
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        resource = parse(document)
        assert parse(dump(resource)).spec == resource.spec
        assert resource.meta.name.startswith("recipes")
        assert not isinstance(resource, Model) or resource.spec != Model(meta=resource.meta).spec


def test_there_are_samples():
    assert len(SAMPLES) >= 4


def test_the_full_one_says_the_defaults_of_what_judges_and_rolls_out():
    document = yaml.safe_load((SAMPLES[0].parent / "model-full.yaml").read_text(encoding="utf-8"))
    spec = parse(document).spec
    assert (spec.evaluation, spec.rollout, spec.rollback) == (DEFAULTS.evaluation, DEFAULTS.rollout, DEFAULTS.rollback)
