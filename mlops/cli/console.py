"""What the command line prints: tables and progress for people on a terminal, one JSON document with `--json`.

Progress and messages go to standard error, so that standard output is the answer and nothing else.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from mlops.quarters import Quarters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.artifact.builder import Progress as ProgressPort
    from mlops.errors import MlopsError

# Characters, where there is no terminal to ask: nobody wants lines in a file folded at 80.
_IN_A_PIPE = 200

messages = Console(stderr=True, highlight=False)
answers = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _IN_A_PIPE)


def print_json(document: Any) -> None:
    """Print `document` as one line of JSON; numpy numbers are accepted."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print `rows` under `columns`; an empty table says so."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    answers.print(table if rows else f"{title}: nothing")


def print_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print `rows` under `columns` as kubectl does."""
    for line in aligned(columns, rows):
        answer(line)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A plain table, one row a line however wide: for people, and for `grep` and `awk` too."""
    lines = [columns, *rows]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(columns))]
    return [
        "   ".join(set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def print_error(error: MlopsError, *, as_json: bool, hint: str) -> None:
    """Print what went wrong and what to do next."""
    if as_json:
        print_json({"error": error.message, "hint": hint, "kind": type(error).__name__})
        return
    messages.print(f"[bold red]error[/]: {_plain(error.message)}", soft_wrap=True)
    if hint:
        messages.print(f"[bold]next[/]: {_plain(hint)}", soft_wrap=True)


def _plain(text: str) -> str:
    """Brackets in a message are text, not rich's markup."""
    return text.replace("[", "\\[")


def say(line: str) -> None:
    """Print a message as it is, a line a line."""
    messages.print(line, markup=False, soft_wrap=True)


def answer(line: str) -> None:
    """Print a line of the answer as it is."""
    answers.print(line, markup=False, soft_wrap=True)


class Report:
    """How far a long step has come: a bar per phase on a terminal, a line at each quarter elsewhere."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._quarters = Quarters(say)

    def progress(self, phase: str, done: int, total: int) -> None:
        """Show `done` of `total`; a total of 0 is not known."""
        if messages.is_terminal:
            self._draw(phase, done, total)
            return
        self._quarters(phase, done, total)

    def close(self) -> None:
        """Stop drawing bars."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()

    def _draw(self, phase: str, done: int, total: int) -> None:
        if self._bars is None:
            columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Progress(*columns, console=messages)
            self._bars.start()
        if phase not in self._tasks:
            self._tasks[phase] = self._bars.add_task(phase, total=total or None)
        self._bars.update(self._tasks[phase], completed=done, total=total or None)


@contextmanager
def phases() -> Iterator[ProgressPort]:
    """Yield the callback that a long step reports to, and end the drawing with it."""
    report = Report()
    try:
        yield report.progress
    finally:
        report.close()
