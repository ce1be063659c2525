"""Whether users are answered, how fast, and by which version."""

from __future__ import annotations

from mlops.dashboards.panels import Dashboard, Form, Panel
from mlops.dashboards.promql import latest, quantile, rate, share

_REQUESTS, _ASKED, _FAILED = "recipes_request_duration_seconds", 'route="/recommend"', 'status=~"5.."'
_QUERIES = rate("recipes_translation_duration_seconds_count")

_USERS = (
    Panel(
        title="Requests",
        queries={"{{version}}": rate(f"{_REQUESTS}_count", _ASKED, by="version")},
        unit="reqps",
        about="By the version that answered.",
    ),
    Panel(
        title="Failed",
        queries={
            "{{version}}": share(
                rate(f"{_REQUESTS}_count", _ASKED, _FAILED, by="version"),
                rate(f"{_REQUESTS}_count", _ASKED, by="version"),
            )
        },
        unit="percentunit",
        about="Answered 5xx; RecipesErrors wakes somebody at 2 %.",
    ),
    Panel(
        title="Time to the answer",
        queries={f"p{level * 100:g}": quantile(level, _REQUESTS, _ASKED) for level in (0.5, 0.95, 0.99)},
        unit="s",
    ),
)
_INSIDE = (
    Panel(
        title="Phases, p95",
        queries={
            phase: quantile(0.95, f"recipes_{phase}_duration_seconds")
            for phase in ("translation", "embedding", "ranking")
        },
        unit="s",
    ),
    Panel(title="Being answered", queries={"{{pod}}": latest("recipes_inflight", by="pod")}),
    Panel(
        title="Refused or failed, by kind",
        queries={"{{kind}}": rate("recipes_errors_total", by="kind")},
        unit="reqps",
        about="`overloaded`: more predictors are needed; `invalid`: what clients send.",
    ),
)
_VERSIONS = (
    Panel(
        title="Pods of each version",
        queries={
            "{{model}} {{version}}": latest("recipes_model_info", 'model=~"$model"', by="model, version", how="count")
        },
        form=Form.NUMBER,
    ),
    Panel(
        title="Feedback",
        queries={
            "kept": rate("recipes_feedback_total"),
            "lost: {{reason}}": rate("recipes_feedback_dropped_total", by="reason"),
        },
        unit="reqps",
    ),
    Panel(
        title="Untranslated",
        queries={"of all queries": share(rate("recipes_untranslated_total"), _QUERIES)},
        unit="percentunit",
    ),
)
SERVICE = Dashboard(
    uid="recipes-service",
    title="Recipes: service",
    about="Are users answered, how fast, and by which version?",
    rows={"Users": _USERS, "Inside": _INSIDE, "Versions and feedback": _VERSIONS},
)
