"""The dashboards of the chart are those of the code, and ask for series that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from controller.cluster.board import Board
from controller.cluster.instruments import Instruments as ControllerInstruments
from mlops.dashboards.__main__ import DASHBOARDS
from mlops.dashboards.panels import render
from predictor.instruments import Instruments as PredictorInstruments

ROOT = Path(__file__).parents[3]
FILES = ROOT / "charts" / "recipe-recommender" / "files" / "dashboards"
pytestmark = pytest.mark.parametrize("name", DASHBOARDS)


def test_the_chart_has_it_as_the_code_says(name):
    assert (FILES / f"{name}.json").read_text(encoding="utf-8") == render(DASHBOARDS[name]), "make dashboards"


def test_every_panel_asks_for_series_that_there_are(name):
    registries = [CollectorRegistry(), CollectorRegistry()]
    PredictorInstruments(registries[0])
    ControllerInstruments(registries[1], Board(), lambda: 0)
    known = {
        f"{family.name}{ending}"
        for registry in registries for family in registry.collect() for ending in _ENDINGS[family.type]
    }  # fmt: skip
    for panels in DASHBOARDS[name].rows.values():
        for panel in panels:
            for query in panel.queries.values():
                assert set(re.findall(r"\brecipes_\w+", query)) <= known, panel.title


def test_panels_fill_their_rows_and_have_titles_of_their_own(name):
    titles = []
    for panels in DASHBOARDS[name].rows.values():
        assert sum(panel.width for panel in panels) % 24 == 0
        titles += [panel.title for panel in panels]
    assert len(set(titles)) == len(titles)
    grafana = json.loads(render(DASHBOARDS[name]))
    assert [each["title"] for each in grafana["panels"] if each["type"] != "row"] == titles
    assert all(
        target["datasource"]["uid"] == "${datasource}"
        for each in grafana["panels"]
        for target in each.get("targets", ())
    )


def test_the_document_names_every_panel(name):
    document = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    page = DASHBOARDS[name]
    section = document.partition(f"## {page.title}\n")[2].partition("\n## ")[0]
    assert page.about in section
    for heading, panels in page.rows.items():
        assert f"- **{heading}**: {'; '.join(panel.title for panel in panels)}" in section


_ENDINGS = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}
