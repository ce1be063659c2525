"""Whether the answers are good, and what they were."""

from __future__ import annotations

from mlops.dashboards.panels import Dashboard, Form, Panel
from mlops.dashboards.promql import latest, mean, quantile, rate, share
from mlops.dashboards.rollout import gates

_ANSWERS = rate("recipes_results_count", by="version")

_JUDGED = (
    Panel(
        title="Gates of the evaluation",
        queries=gates("evaluation"),
        width=16,
        about="NDCG@10 and what else the Model demands, with the limits that held.",
    ),
    Panel(
        title="In production",
        queries={
            "{{model}} {{version}}": latest(
                "recipes_version_stage", 'model=~"$model"', 'stage="Production"', by="model, version"
            )
        },
        form=Form.NUMBER,
    ),
)
_SEEN = (
    Panel(title="Recipes in an answer, mean", queries={"{{version}}": mean("recipes_results", by="version")}),
    Panel(
        title="Empty answers",
        queries={"{{version}}": share(rate("recipes_results_bucket", 'le="0.0"', by="version"), _ANSWERS)},
        unit="percentunit",
        about="Filters that nothing satisfies, or a corpus that lost recipes.",
    ),
    Panel(
        title="Score of the first recipe, mean",
        queries={"{{version}}": mean("recipes_top_score", by="version")},
        about="It moves when questions do, or recipes: `recipes drift` tells which.",
    ),
)
_DRIFT = (
    Panel(
        title="Score of the first recipe, quantiles",
        queries={f"p{level * 100:g}": quantile(level, "recipes_top_score") for level in (0.1, 0.5, 0.9)},
    ),
    Panel(
        title="Untranslated queries",
        queries={"a second": rate("recipes_untranslated_total")},
        unit="reqps",
    ),
    Panel(
        title="Feedback for each answer",
        queries={"told": share(rate("recipes_feedback_total"), rate("recipes_results_count"))},
        unit="percentunit",
    ),
)
QUALITY = Dashboard(
    uid="recipes-quality",
    title="Recipes: quality and drift",
    about="Are the answers good, and are they what they were?",
    rows={"Judged before users saw it": _JUDGED, "What users get": _SEEN, "Drift": _DRIFT},
)
