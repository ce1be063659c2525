"""`recipes watch`: the life of all versions as it happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from mlops.cli.console import answer, answers, print_json
from mlops.cli.frame import View, document, frame, statements
from mlops.cli.state import opened
from mlops.cli.wiring import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.cli.state import State

TICK = 1.0  # seconds between two looks


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(watch)


def watch(
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a document whenever something changes.")] = False,
) -> None:
    """Watch traffic, versions, gates and what comes next, until Ctrl-C. Without a terminal, print what changes."""
    with opened() as state:
        views = _views(state)
        try:
            if once:
                _print(next(views), as_json=json)
            elif json:
                _documents(views)
            elif answers.is_terminal and not answers.is_dumb_terminal:
                _pictures(views)
            else:
                _changes(views)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _views(state: State) -> Iterator[View]:
    """A view at every tick, read anew when somebody has written."""
    view, seen = None, None
    while True:
        written = state.changed()
        if view is None or written != seen or view.asleep != state.asleep:
            view, seen = read_view(state), written
        yield view
        time.sleep(TICK)


def read_view(state: State) -> View:
    """What is shown of a state at this moment."""
    return View(
        model=state.model(),
        versions=state.resources.versions(),
        traffic=state.traffic(),
        notices=state.notices(),
        asleep=state.asleep,
    )


def _print(view: View, *, as_json: bool) -> None:
    if as_json:
        print_json(document(view))
    else:
        answers.print(frame(view, now()))


def _pictures(views: Iterator[View]) -> None:
    with Live(console=answers, auto_refresh=False, screen=False) as live:
        for view in views:
            live.update(frame(view, now()), refresh=True)


def _changes(views: Iterator[View]) -> None:
    before: dict[str, str] = {}
    for view in views:
        told = statements(view)
        for key, line in told.items():
            if before.get(key) != line:
                answer(f"{now():%H:%M:%S} {line}")
        before = told


def _documents(views: Iterator[View]) -> None:
    before = None
    for view in views:
        told = document(view)
        if told != before:
            print_json(told)
        before = told
