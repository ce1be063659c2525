"""What the command line prints: tables and progress for people on a terminal, one JSON document with `--json`.

Progress and messages go to standard error, so that standard output is the answer and nothing else.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops.errors import MlopsError

messages = Console(stderr=True, highlight=False)
answers = Console(highlight=False)


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


def print_error(error: MlopsError, *, as_json: bool) -> None:
    """Print what went wrong and what to do next."""
    if as_json:
        print_json({"error": error.message, "hint": error.hint, "kind": type(error).__name__})
        return
    messages.print(f"[bold red]error[/]: {_plain(error.message)}")
    if error.hint:
        messages.print(f"[bold]next[/]: {_plain(error.hint)}")


def _plain(text: str) -> str:
    """Brackets in a message are text, not rich's markup."""
    return text.replace("[", "\\[")


@contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar per phase; yields the callback that a build reports to. Off a terminal a phase is one line."""
    if not messages.is_terminal:
        yield _plain_phases()
        return
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=False) as bars:
        tasks: dict[str, Any] = {}

        def report(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield report


def _plain_phases() -> Callable[[str, int, int], None]:
    """A line when a phase starts and at each quarter: a log file wants no bars."""
    shown: dict[str, int] = {}

    def report(phase: str, done: int, total: int) -> None:
        quarter = 4 * done // total if total else 4
        if shown.get(phase, -1) < quarter:
            shown[phase] = quarter
            messages.print(f"{phase}: {done} of {total}")

    return report
