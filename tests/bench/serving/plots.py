"""The same figures as pictures: throughput and p99 by concurrency, and growth by size. SVG without dates, so that equal figures are equal files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from tests.bench.serving.contestants import LABELS, NAIVE, PREDICT, RECOMMEND

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from tests.bench.serving.figures import Figures

mpl.rcParams |= {"svg.hashsalt": "recipes", "svg.fonttype": "none", "font.size": 9}
_COLOURS = {
    NAIVE: "#888888",
    "mlserver": "#1f77b4",
    "litserve": "#9467bd",
    "bentoml": "#2ca02c",
    RECOMMEND: "#d62728",
    PREDICT: "#ff9896",
}
# A dashed line for the same in a process a core.
_STYLE = {
    way: (
        label.replace("*", "").replace("`", ""),
        _COLOURS[way.removesuffix("-wide")],
        "o--" if way.endswith("-wide") else "D-",
    )
    for way, label in LABELS.items()
}


def draw(folder: Path, figures: Figures) -> None:
    """Write concurrency.svg and growth.svg into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, canvas in (("concurrency", _concurrency(figures)), ("growth", _growth(figures))):
        canvas.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def _concurrency(figures: Figures) -> Canvas:
    sizes = figures.sizes()
    canvas = Canvas(figsize=(4 * max(len(sizes), 1), 6))
    panels = canvas.subplots(2, max(len(sizes), 1), squeeze=False)
    for column, size in enumerate(sizes):
        for row, (field, text) in enumerate((("per_second", "requests a second"), ("p99_ms", "p99, ms"))):
            panel = panels[row][column]
            for way, (label, colour, form) in _STYLE.items():
                points = [
                    (connections, getattr(figure, field))
                    for connections in (1, 8, 32)
                    if (figure := figures.of(way, size, connections)) is not None
                ]
                if points:
                    panel.plot(*zip(*points, strict=True), form, label=label, color=colour, markersize=4)
            panel.set(xscale="log", yscale="log", xlabel="at once", ylabel=text, title=f"{size:,} recipes")
            panel.set_xticks([1, 8, 32], labels=["1", "8", "32"])
            panel.grid(visible=True, alpha=0.3)
    _legend(panels[0][0])
    return canvas


def _growth(figures: Figures) -> Canvas:
    canvas = Canvas(figsize=(12, 3.2))
    latency, memory, building = canvas.subplots(1, 3)
    for way, (label, colour, form) in _STYLE.items():
        points = [(size, figure.p50_ms) for size in figures.sizes() if (figure := figures.of(way, size, 1)) is not None]
        if points:
            latency.plot(*zip(*points, strict=True), form, label=label, color=colour, markersize=4)
        held = [(row["size"], row["resident"]) for row in figures.memory if row["way"] == way]
        if held:
            memory.plot(*zip(*held, strict=True), form, label=label, color=colour, markersize=4)
        built = [(row["size"], max(row["seconds"], 0.1)) for row in figures.built if row["way"] == way]
        if built:
            building.plot(*zip(*built, strict=True), form, label=label, color=colour, markersize=4)
    for panel, text in ((latency, "p50, ms, 1 at once"), (memory, "RSS, MiB"), (building, "index built in, s")):
        panel.set(xscale="log", yscale="log", xlabel="recipes", ylabel=text)
        panel.grid(visible=True, alpha=0.3)
    _legend(latency)
    return canvas


def _legend(panel: Axes) -> None:
    # Of figures without a concurrency of 1 there may be nothing to name.
    if panel.get_legend_handles_labels()[0]:
        panel.legend(fontsize=7)
