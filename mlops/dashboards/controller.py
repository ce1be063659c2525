"""Whether the controller decides, and whether the cluster lets it."""

from __future__ import annotations

from mlops.dashboards.panels import Dashboard, Form, Panel
from mlops.dashboards.promql import increase, latest, quantile, rate

_ROUNDS = "recipes_controller_reconcile_duration_seconds"
_CALLS = "recipes_controller_api_requests_total"

_LEADERS = (
    Panel(
        title="Leaders",
        queries={"{{namespace}}": latest("recipes_controller_leader", by="namespace", how="sum")},
        form=Form.NUMBER,
        about="One for each release.",
    ),
    Panel(title="Models that wait", queries={"{{pod}}": latest("recipes_controller_queue_depth", by="pod")}),
    Panel(title="Versions by stage", queries={"{{stage}}": latest("recipes_versions", by="stage", how="sum")}),
)
_WORK = (
    Panel(
        title="Rounds",
        queries={"{{outcome}}": rate(f"{_ROUNDS}_count", by="outcome")},
        unit="ops",
        about="`failed` is tried again; `broken` is a fault of ours.",
    ),
    Panel(title="Time of a round, p95", queries={"p95": quantile(0.95, _ROUNDS)}, unit="s"),
    Panel(title="Stages entered", queries={"{{stage}}": increase("recipes_controller_transitions_total", by="stage")}),
)
_API = (
    Panel(title="Calls to the API", queries={"{{method}}": rate(_CALLS, by="method")}, unit="reqps", width=12),
    Panel(
        title="Refused, or without an answer",
        queries={"{{method}} {{status}}": rate(_CALLS, 'status=~"0|4..|5.."', by="method, status")},
        unit="reqps",
        width=12,
        about="409 is a race that is tried again; 403 a right that is missing.",
    ),
)
CONTROLLER = Dashboard(
    uid="recipes-controller",
    title="Recipes: controller",
    about="Does the controller decide, and does the cluster let it?",
    rows={"Who decides": _LEADERS, "Rounds": _WORK, "The API": _API},
)
