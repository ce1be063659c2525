"""`recipes anomalies`: which points of a series of measurements are out of the ordinary, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli.console import answer, messages, print_columns, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.monitoring.anomalies import Anomaly
    from mlops.monitoring.series import SeriesReading

_WAYS = {"up": True, "down": False, "either": None}


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(anomalies)


def anomalies(
    series: Annotated[Path, typer.Option(help="JSONL of points: t, metric, value; .gz too.")],
    worse: Annotated[
        list[str] | None,
        typer.Option(help="METRIC=up|down|either: which way is worse, where the name does not tell. Repeatable."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=2.0, max=50.0, help="Robust standard deviations from which on a value is odd.")
    ] = 4.5,
    json: Annotated[bool, typer.Option("--json", help="Print the points as JSON.")] = False,
) -> None:
    """Find spikes, shifts of the level and trends in SERIES; exit 0 whether there are any or not."""
    from mlops.monitoring.anomalies import anomalies as find  # noqa: PLC0415 - other verbs start faster without
    from mlops.monitoring.level_detector import LevelDetector  # noqa: PLC0415 - as above
    from mlops.monitoring.series import read_series  # noqa: PLC0415 - as above

    directions = dict(_direction(each) for each in worse or ())
    reading = read_series(series)
    found = find(reading.series, LevelDetector, threshold=threshold, directions=directions)
    if json:
        print_json(_document(reading, found))
        return
    if found:
        rows = [(str(each.point.t), f"{each.point.value:.6g}", _badness(each), each.reason) for each in found]
        print_columns(("T", "VALUE", "", "REASON"), rows)
    for rule, count in reading.left_out.items():
        messages.print(f"warning: {count} lines left out: {rule}", markup=False, soft_wrap=True)
    points = sum(len(each) for each in reading.series.values())
    answer(f"{len(found)} of {points} points of {len(reading.series)} metrics are out of the ordinary")


def _direction(given: str) -> tuple[str, bool | None]:
    metric, _, way = given.rpartition("=")
    if not metric or way not in _WAYS:
        raise typer.BadParameter(f"{given!r} is not METRIC=up, METRIC=down or METRIC=either", param_hint="--worse")
    return metric, _WAYS[way]


def _badness(anomaly: Anomaly) -> str:
    return "" if anomaly.worse is None else "worse" if anomaly.worse else "better"


def _document(reading: SeriesReading, found: Sequence[Anomaly]) -> dict[str, Any]:
    flagged = [
        {
            "t": each.point.t,
            "metric": each.metric,
            "value": each.point.value,
            "kind": each.kind.value,
            "direction": "up" if each.rises else "down",
            "worse": each.worse,
            "score": round(each.score, 3),
            "reason": each.reason,
        }
        for each in found
    ]
    return {
        "flagged": flagged,
        "metrics": {metric: len(points) for metric, points in reading.series.items()},
        "left_out": dict(reading.left_out),
    }
