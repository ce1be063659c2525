"""`recipes import`: files into the corpus of this home."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.console import messages, phases, print_json, print_table
from mlops.config import Settings
from mlops.corpus.importing import import_files
from mlops.corpus.store import CorpusStore

if TYPE_CHECKING:
    from mlops.corpus.importing import ImportReport


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command("import")(import_recipes)


def import_recipes(
    files: Annotated[
        list[Path], typer.Argument(help="JSONL, CSV, Parquet, JSON-LD or HTML files; - is standard input.")
    ],
    rejects: Annotated[Path | None, typer.Option(help="Folder for the rows that were refused.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Take recipes into the corpus. Bad rows are written to a rejects file with line and reason; the rest goes in."""
    settings = Settings()
    with CorpusStore.open(settings.home / "corpus.db") as store, phases() as progress:
        report = import_files(
            files,
            store,
            rejects_dir=rejects or settings.home / "rejects",
            now=datetime.now(UTC),  # noqa: TID251 - a composition root
            progress=progress,
        )
        count = store.count()
    if json:
        print_json(report.to_json() | {"corpus": count})
    else:
        _print(report, count)
    if report.failed:
        raise typer.Exit(1)


def _print(report: ImportReport, count: int) -> None:
    columns = ("file", "read", "added", "updated", "unchanged", "rejected", "rejects")
    rows = [
        (file.path, file.read, file.added, file.updated, file.unchanged, file.rejected, file.rejects_path or "")
        for file in report.files
    ]
    print_table("Import", columns, rows)
    for file in report.files:
        if file.error:
            messages.print(f"{file.path}: {file.error}. {file.hint or ''}", markup=False)
    messages.print(f"The corpus holds {count} recipes. Next: recipes train, or make up")
