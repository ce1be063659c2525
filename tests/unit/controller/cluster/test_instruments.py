"""What the controller says of itself to Prometheus."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from prometheus_client import CollectorRegistry, generate_latest

from controller.cluster.board import Board
from controller.cluster.instruments import Instruments
from controller.cluster.key import Key
from controller.resource.gate import Gate
from controller.resource.policy import Evaluation, Policy
from controller.resource.version_status import Attempt, Evidence, GateResult, VersionStatus
from controller.round_line import Outcome
from controller.stages import Stage
from mlops.judgement import Verdict

RECIPES = Key("shop", "recipes")
NOW = datetime(2026, 7, 1, tzinfo=UTC)
GATE = Gate(metric="ndcg@10", threshold=Decimal("0.3"), min_absolute_change=Decimal("-0.01"))
JUDGED = replace(
    VersionStatus(since=NOW), stage=Stage.STAGING, weight=20,
    attempt=Attempt(number=1, started=NOW, policy=Policy(evaluation=Evaluation(gates=(GATE,))), policy_hash="x"),
    evaluation=Evidence(job="j", baseline="1.0.0", at=NOW, results=(
        GateResult(metric="ndcg@10", verdict=Verdict.PASSED, value=Decimal("0.5"), baseline=Decimal("0.44"), samples=120),
    )),
)  # fmt: skip
ARCHIVED = replace(VersionStatus(since=NOW), stage=Stage.ARCHIVED)


def shown(board, **counts):
    registry = CollectorRegistry()
    instruments = Instruments(registry, board, lambda: counts.get("depth", 0))
    return instruments, lambda: generate_latest(registry).decode()


def test_a_version_shows_its_stage_its_weight_and_its_gates():
    board = Board()
    board.show(RECIPES, {"1.1.0": JUDGED, "0.9.0": ARCHIVED})
    _, text = shown(board)

    assert 'recipes_version_stage{model="recipes",namespace="shop",stage="Staging",version="1.1.0"} 1.0' in text()
    assert 'recipes_version_weight{model="recipes",namespace="shop",version="1.1.0"} 20.0' in text()
    gate = '{gate="ndcg@10",model="recipes",namespace="shop",phase="evaluation",version="1.1.0"}'
    assert f"recipes_gate_value{gate} 0.5" in text()
    assert f"recipes_gate_limit{gate} 0.43" in text(), "the strictest of 0.3 and 0.44 - 0.01"
    assert f"recipes_gate_samples{gate} 120.0" in text()
    assert 'recipes_versions{model="recipes",namespace="shop",stage="Archived"} 1.0' in text()
    assert 'version="0.9.0"' not in text(), "what is archived costs a number and no series"


def test_nothing_is_left_of_a_model_that_is_gone():
    board = Board()
    board.show(RECIPES, {"1.1.0": JUDGED})
    board.forget(RECIPES)
    _, text = shown(board)
    assert 'model="recipes"' not in text()


def test_rounds_calls_and_leadership_are_counted():
    instruments, text = shown(Board(), depth=3)
    instruments.reconciled(Outcome.FAILED, 0.2)
    instruments.called("PATCH", 409)
    instruments.entered(RECIPES, "Archived", "GateFailed")
    assert 'recipes_controller_reconcile_duration_seconds_count{outcome="failed"} 1.0' in text()
    assert 'recipes_controller_reconcile_duration_seconds_count{outcome="broken"} 0.0' in text()
    assert 'recipes_controller_api_requests_total{method="PATCH",status="409"} 1.0' in text()
    assert (
        'recipes_controller_transitions_total{model="recipes",namespace="shop",reason="GateFailed",stage="Archived"} 1.0'
        in text()
    )
    assert "recipes_controller_queue_depth 3.0" in text()
    assert "recipes_controller_leader 0.0" in text()
    instruments.leads()
    assert "recipes_controller_leader 1.0" in text()
