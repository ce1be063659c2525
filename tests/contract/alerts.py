"""The cases of the alerts: series as they would come, and who is woken when. Written out for promtool by the test.

`values` are those of Prometheus' own notation: `0+10x20` begins at 0 and grows by 10, twenty times, once a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

N = 'namespace="ml"'
ASKED = f'route="/recommend",{N},pod="p1"'


@dataclass(frozen=True)
class Case:
    """At `minutes` these `alerts` are firing, by name, each with the labels that tell them apart."""

    what: str
    series: dict[str, str]
    minutes: int
    alerts: dict[str, dict[str, str]] = field(default_factory=dict)


def asked(version: str, status: str, values: str) -> dict[str, str]:
    return {f'recipes_request_duration_seconds_count{{{ASKED},status="{status}",version="{version}"}}': values}


def buckets(version: str, *counts: tuple[str, int]) -> dict[str, str]:
    return {
        f'recipes_request_duration_seconds_bucket{{{ASKED},status="200",version="{version}",le="{le}"}}': f"0+{each}x60"
        for le, each in counts
    }


LED = {f'recipes_controller_leader{{{N},pod="c1"}}': "1x300", f'recipes_controller_leader{{{N},pod="c2"}}': "0x300"}
CASES = (
    Case("all is well", LED | asked("1.0.0", "200", "0+600x60") | asked("1.0.0", "500", "0x60"), 30),
    Case("one of twenty fails", LED | asked("1.0.0", "200", "0+570x60") | asked("1.0.0", "500", "0+30x60"), 20,
         {"RecipesErrors": {"version": "1.0.0"}}),
    Case("one of a hundred fails", LED | asked("1.0.0", "200", "0+594x60") | asked("1.0.0", "500", "0+6x60"), 20),
    Case("only the canary fails", LED | asked("1.0.0", "200", "0+600x60") | asked("1.1.0", "503", "0+30x60"), 20,
         {"RecipesErrors": {"version": "1.1.0"}}),
    Case("for two minutes everything fails", LED | asked("1.0.0", "200", "0+600x60") | asked("1.0.0", "500", "0 0 600 1200 1200x56"), 5),
    Case("one answer of ten is slow", LED | buckets("1.0.0", ("0.1", 90), ("1", 100), ("+Inf", 100)), 30,
         {"RecipesSlow": {"version": "1.0.0"}}),
    Case("one answer of fifty is slow", LED | buckets("1.0.0", ("0.1", 98), ("1", 100), ("+Inf", 100)), 30),
    Case("one of fifty is turned away", LED | asked("1.0.0", "200", "0+600x60")
         | {f'recipes_errors_total{{{N},pod="p1",kind="overloaded"}}': "0+12x60"}, 20, {"RecipesOverloaded": {}}),
    Case("nobody asks any more", LED | asked("1.0.0", "200", "0+600x60 36000x120"), 110, {"RecipesNoTraffic": {}}),
    Case("nobody ever asked", LED | asked("1.0.0", "200", "0x180"), 110),
    Case("no pod serves what is in production", LED | {f'recipes_versions{{{N},model="recipes",stage="Production",pod="c1"}}': "1x30"}, 10,
         {"RecipesNoPredictor": {"model": "recipes"}}),
    Case("a pod serves what is in production", LED
         | {f'recipes_versions{{{N},model="recipes",stage="Production",pod="c1"}}': "1x30",
            f'recipes_model_info{{{N},model="recipes",version="1.0.0",pod="p1"}}': "1x30"}, 10),
    Case("one query of ten stays untranslated", LED | {f'recipes_untranslated_total{{{N},pod="p1"}}': "0+10x60",
         f'recipes_translation_duration_seconds_count{{{N},pod="p1"}}': "0+100x60"}, 40, {"RecipesUntranslated": {}}),
    Case("one piece of feedback is lost, the first of that kind",
         LED | {f'recipes_feedback_dropped_total{{{N},pod="p1",reason="full"}}': "_x10 1x60"}, 12,
         {"RecipesFeedbackLost": {"reason": "full"}}),
    Case("feedback was lost an hour ago", LED | {f'recipes_feedback_dropped_total{{{N},pod="p1",reason="full"}}': "1x80"}, 60),
    Case("a canary is taken back, the first since the controller started", LED
         | {f'recipes_controller_transitions_total{{{N},pod="c1",model="recipes",stage="Archived",reason="AnalysisFailed"}}': "_x20 1x60"}, 22,
         {"RecipesRolledBack": {"model": "recipes", "reason": "AnalysisFailed"}}),
    Case("a second is taken back", LED
         | {f'recipes_controller_transitions_total{{{N},pod="c1",model="recipes",stage="Archived",reason="RolledBack"}}': "1x30 2x30"}, 35,
         {"RecipesRolledBack": {"model": "recipes", "reason": "RolledBack"}}),
    Case("one is taken out by a person", LED
         | {f'recipes_controller_transitions_total{{{N},pod="c1",model="recipes",stage="Archived",reason="Retired"}}': "_x20 1x60"}, 22),
    Case("a canary goes on for days", LED
         | {f'recipes_version_stage{{{N},pod="c1",model="recipes",version="1.1.0",stage="Staging"}}': "1x1600",
            f'recipes_version_weight{{{N},pod="c1",model="recipes",version="1.1.0"}}': "10x1600",
            f'recipes_controller_leader{{{N},pod="c1"}}': "1x1600"}, 1500,
         {"RecipesCanaryStuck": {"model": "recipes", "version": "1.1.0"}}),
    Case("nobody leads", {f'recipes_controller_leader{{{N},pod="c1"}}': "0x30", f'recipes_controller_leader{{{N},pod="c2"}}': "0x30"}, 10,
         {"RecipesNoLeader": {}}),
    Case("rounds fail", LED | {f'recipes_controller_reconcile_duration_seconds_count{{{N},pod="c1",outcome="failed"}}': "0+9x60",
         f'recipes_controller_reconcile_duration_seconds_count{{{N},pod="c1",outcome="settled"}}': "0+1x60"}, 30,
         {"RecipesControllerFails": {"outcome": "failed"}}),
    Case("a right is missing", LED | {f'recipes_controller_api_requests_total{{{N},pod="c1",method="PATCH",status="403"}}': "_x10 0+1x30"}, 14,
         {"RecipesControllerRefused": {"method": "PATCH"}}),
    Case("the queue does not empty", LED | {f'recipes_controller_queue_depth{{{N},pod="c1"}}': "3x60"}, 40, {"RecipesQueueStuck": {}}),
    Case("the queue empties now and then", LED | {f'recipes_controller_queue_depth{{{N},pod="c1"}}': "3 0 3 3 3 3 3 0 3 3 3 3 3 0 3x5 0 3x5 0 3x5 0 3x5 0"}, 40),
)  # fmt: skip
