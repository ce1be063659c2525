"""What a dashboard is to us, and how Grafana's own builders make it: the one module that knows their SDK.

`$namespace` and `$model` in a query are chosen above the panels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common as looks
from grafana_foundation_sdk.builders import dashboard as built
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, StackingMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableHide

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT, _WIDTH = 8, 24  # of a row of panels, and of the page, in Grafana's units


class Form(StrEnum):
    """How a panel shows its series."""

    LINES = "lines"
    SHARES = "shares"  # stacked, of 100
    NUMBER = "number"  # the last value
    STATES = "states"  # which series is 1, over time


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. `queries` are PromQL by the legend of their series; `unit` is Grafana's name of it."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    form: Form = Form.LINES
    about: str = ""
    width: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One page: rows of panels, each under a heading. `uid` is its address in Grafana."""

    uid: str
    title: str
    about: str
    rows: Mapping[str, tuple[Panel, ...]]


def render(page: Dashboard) -> str:
    """The page as the JSON that Grafana's sidecar or API takes."""
    board = (
        built.Dashboard(page.title)
        .uid(page.uid)
        .description(page.about)
        .tags(["recipe-recommender"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(built.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_chosen("namespace", "label_values(recipes_model_info, namespace)"))
        .with_variable(_chosen("model", 'label_values(recipes_model_info{namespace=~"$namespace"}, model)'))
    )
    for heading, panels in page.rows.items():
        board = board.with_row(built.Row(heading))
        for panel in panels:
            board = board.with_panel(_picture(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(board.build()) + "\n"


def _chosen(name: str, query: str) -> built.QueryVariable:
    return (
        built.QueryVariable(name)
        .query(query)
        .datasource(_DATASOURCE)
        .hide(VariableHide.DONT_HIDE)
        .multi(multi=True)
        .include_all(include_all=True)
    )


def _picture(panel: Panel) -> TimeSeries | Stat | StateTimeline:
    match panel.form:
        case Form.NUMBER:
            picture: TimeSeries | Stat | StateTimeline = Stat()
        case Form.STATES:
            picture = StateTimeline().merge_values(merge_values=True)
        case Form.LINES | Form.SHARES:
            legend = looks.VizLegendOptions().show_legend(show_legend=True)
            legend = legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
            lines = TimeSeries().legend(legend).line_width(1).show_points(VisibilityMode.NEVER).min(0)
            if panel.form is Form.SHARES:
                lines = lines.stacking(looks.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(60).max(100)
            picture = lines
    picture = picture.title(panel.title).description(panel.about).datasource(_DATASOURCE).unit(panel.unit)
    picture = picture.height(_HEIGHT).span(min(panel.width, _WIDTH))
    for place, (legend_text, query) in enumerate(panel.queries.items()):
        asked = Dataquery().expr(query).legend_format(legend_text).ref_id(chr(ord("A") + place)).datasource(_DATASOURCE)
        picture = picture.with_target(asked.instant() if panel.form is Form.NUMBER else asked.range())
    return picture
