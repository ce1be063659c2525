"""Pictures of an evaluation. The only importer of matplotlib, which comes with the extra `report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_OURS, _THEIRS = "#1f5fa8", "#b8b8b8"


def bars(path: Path, title: str, values: Mapping[str, tuple[float, float | None]]) -> None:
    """Draw a bar for each name, beside the baseline's where there is one. Raises NotFound without matplotlib."""
    figure, axes = _figure(title, height=1.2 + 0.45 * len(values))
    places = range(len(values))
    beside = [(place, pair[1]) for place, pair in zip(places, values.values(), strict=True) if pair[1] is not None]
    axes.barh([place - 0.2 for place in places], [ours for ours, _ in values.values()], 0.38, color=_OURS)
    axes.barh([place + 0.2 for place, _ in beside], [theirs for _, theirs in beside], 0.38, color=_THEIRS)
    axes.set_yticks(list(places), list(values))
    axes.invert_yaxis()
    axes.legend(["this version", *(["in production"] if beside else [])], loc="lower right")
    figure.savefig(path)


def histogram(path: Path, title: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    """Draw how values are spread, beside the baseline's where there are any. Raises NotFound without matplotlib."""
    figure, axes = _figure(title, height=3.5)
    both = [*ours, *theirs]
    axes.hist(ours, bins=20, range=(min(both), max(both)), color=_OURS, alpha=0.7, label="this version")
    if theirs:
        axes.hist(theirs, bins=20, range=(min(both), max(both)), color=_THEIRS, alpha=0.7, label="in production")
    axes.legend()
    figure.savefig(path)


def _figure(title: str, *, height: float):  # type: ignore[no-untyped-def]  # noqa: ANN202 - matplotlib's own two
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - not there everywhere
    except ModuleNotFoundError as error:
        raise NotFound("matplotlib is not installed", hint="the extra `report` brings it") from error
    figure = Figure(figsize=(8, height), layout="constrained")  # without pyplot: nothing global, no display
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes
