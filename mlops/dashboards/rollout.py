"""Where each version is on its way, and what its gates say."""

from __future__ import annotations

from mlops.dashboards.panels import Dashboard, Form, Panel
from mlops.dashboards.promql import increase, latest, quantile, rate, share

_MODEL, _ASKED = 'model=~"$model"', 'route="/recommend"'
_REQUESTS = "recipes_request_duration_seconds"


def gates(phase: str) -> dict[str, str]:
    """The values of a phase's gates, and their limits beside them."""
    labels = (_MODEL, f'phase="{phase}"')
    return {
        "{{version}} {{gate}}": latest("recipes_gate_value", *labels, by="version, gate"),
        "{{version}} {{gate}} limit": latest("recipes_gate_limit", *labels, by="version, gate"),
    }


_ANSWERED = (
    Panel(
        title="Split of the users",
        queries={"{{model}} {{version}}": latest("recipes_version_weight", _MODEL, by="model, version")},
        unit="percent",
        form=Form.SHARES,
        width=12,
    ),
    Panel(
        title="Stages",
        queries={
            "{{model}} {{version}} {{stage}}": latest("recipes_version_stage", _MODEL, by="model, version, stage")
        },
        form=Form.STATES,
        width=12,
    ),
)
_CANARY = (
    Panel(title="Gates of the canary", queries=gates("canary"), width=12),
    Panel(
        title="Samples behind all gates",
        queries={
            "{{version}} {{phase}} {{gate}}": latest("recipes_gate_samples", _MODEL, by="version, phase, gate"),
        },
        width=12,
    ),
    Panel(
        title="Failed, side by side",
        queries={
            "{{version}}": share(
                rate(f"{_REQUESTS}_count", _ASKED, 'status=~"5.."', by="version", window="5m"),
                rate(f"{_REQUESTS}_count", _ASKED, by="version", window="5m"),
            )
        },
        unit="percentunit",
        width=12,
    ),
    Panel(
        title="Time to the answer, p95, side by side",
        queries={"{{version}}": quantile(0.95, _REQUESTS, _ASKED, by="version", window="5m")},
        unit="s",
        width=12,
    ),
)
_ENDS = (
    Panel(title="Gates of the bake", queries=gates("bake"), width=12),
    Panel(
        title="Entered a stage",
        queries={
            "{{model}} {{stage}} {{reason}}": increase(
                "recipes_controller_transitions_total", _MODEL, by="model, stage, reason"
            )
        },
        width=12,
        about="Archived with AnalysisFailed, BakeFailed or RolledBack: taken back.",
    ),
)
ROLLOUT = Dashboard(
    uid="recipes-rollout",
    title="Recipes: rollout",
    about="Where is each version on its way, and what do its gates say?",
    rows={"Who is answered by what": _ANSWERED, "The canary": _CANARY, "What became of versions": _ENDS},
)
