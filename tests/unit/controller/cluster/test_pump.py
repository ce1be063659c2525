"""Which model an event is about."""

from __future__ import annotations

import pytest

from controller.cluster.kinds import MODEL
from controller.cluster.pump import model_of

BODIES = {
    "a Model is itself": ({"kind": "Model", "metadata": {"name": "soups"}}, "soups"),
    "a version names one": ({"kind": "ModelVersion", "metadata": {"name": "x"}, "spec": {"model": "soups"}}, "soups"),
    "what we made is labelled": ({"kind": "Job", "metadata": {"labels": {MODEL: "soups"}}, "spec": {"model": "cakes"}}, "soups"),
    "a stranger says nothing": ({"kind": "Job", "metadata": {}}, None),
    "nonsense is nobody's": ({"kind": "ModelVersion", "metadata": {}, "spec": {"model": 7}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("body", "model"), BODIES.values(), ids=BODIES.keys())
def test_an_event_is_about(body, model):
    assert model_of(body) == model
