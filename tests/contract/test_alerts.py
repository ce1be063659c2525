"""Who is woken when: the chart's rules by Prometheus' own test of rules."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from controller.cluster.board import Board
from controller.cluster.instruments import Instruments as ControllerInstruments
from predictor.instruments import Instruments as PredictorInstruments
from tests.cluster.chart import CHART
from tests.cluster.commands import run
from tests.contract.alerts import CASES

pytestmark = pytest.mark.contract
RULES = CHART / "files" / "rules.yaml"
ALERTS = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
}  # fmt: skip
DOCUMENT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_who_is_woken(case, tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    shutil.copy(RULES, tmp_path / "rules.yaml")
    file = tmp_path / "case.yaml"
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    file.write_text(yaml.safe_dump({
        "rule_files": ["rules.yaml"], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [{
            "expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{case.minutes}m",
            "exp_samples": [{"labels": _series(name, labels), "value": 1} for name, labels in case.alerts.items()],
        }]}],
    }), encoding="utf-8")  # fmt: skip
    run("promtool", "test", "rules", file)


def test_every_alert_has_a_case_and_a_page():
    assert {name for case in CASES for name in case.alerts} == set(ALERTS)
    assert set(re.findall(r"^## (\w+)", DOCUMENT, flags=re.MULTILINE)) == set(ALERTS)


def test_an_alert_asks_for_series_that_there_are():
    registries = [CollectorRegistry(), CollectorRegistry()]
    PredictorInstruments(registries[0])
    ControllerInstruments(registries[1], Board(), lambda: 0)
    known = {family.name for registry in registries for family in registry.collect()}
    for name, rule in ALERTS.items():
        for asked in re.findall(r"recipes_\w+", rule["expr"]):
            family = re.sub(r"_(total|count|bucket|sum)$", "", asked)
            assert {asked, family} & known, f"{name} asks for {asked}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def _series(name, labels):
    every = {"alertname": name, "alertstate": "firing", "namespace": "ml"} | ALERTS[name]["labels"] | labels
    return "ALERTS{" + ", ".join(f'{key}="{value}"' for key, value in every.items()) + "}"
