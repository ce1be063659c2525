"""Every metric has its line in docs/metrics.md, and every line its metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from controller.cluster.board import Board
from controller.cluster.instruments import Instruments as ControllerInstruments
from mlops.monitoring.statistics import PER_MINUTE, PER_REQUEST
from predictor.instruments import Instruments as PredictorInstruments

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def controller(registry):
    ControllerInstruments(registry, Board(), lambda: 0)


@pytest.mark.parametrize(("part", "make"), [("predictor", PredictorInstruments), ("controller", controller)])
def test_every_metric_is_documented(part, make):
    registry = CollectorRegistry()
    make(registry)
    section = next(
        each for each in re.split(r"^## ", DOCUMENT, flags=re.MULTILINE) if each.lower().startswith(f"the {part}")
    )
    lines = {
        f"| `{family.name}{'_total' if family.type == 'counter' else ''}` | {family.type} | {family.documentation} |"
        for family in registry.collect()
    }  # fmt: skip
    assert lines == {line for line in section.splitlines() if line.startswith("| `")}


def test_every_statistic_of_a_window_is_documented_with_its_metric():
    rows = re.findall(r"^\| `(\w+)` \| (request|minute) \| `(\w+)`", DOCUMENT, flags=re.MULTILINE)
    assert [(name, of) for name, of, _ in rows] == [
        *((name, "request") for name in PER_REQUEST), *((name, "minute") for name in PER_MINUTE)
    ]  # fmt: skip
    registry = CollectorRegistry()
    PredictorInstruments(registry)
    assert {metric.removesuffix("_count") for _, _, metric in rows} <= {family.name for family in registry.collect()}
