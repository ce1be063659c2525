"""`recipes drift`: whether the queries of one file look like those of another, or the latest like those before."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli.console import answer, messages, print_json, print_table
from mlops.config import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.drift.report import DriftReport
    from mlops.retrieval.encoder import Encoder


_FILES = 2


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(drift)


def drift(  # noqa: PLR0917 - the options of a command
    reference: Annotated[
        Path | None, typer.Option(help="JSONL of queries to compare with: query, lang, ts, …; .gz too.")
    ] = None,
    current: Annotated[Path | None, typer.Option(help="JSONL of the queries in question.")] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(help="In place of both: a server's feedback folder, its latest queries and the week before."),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How far back the latest of --recorded go.")] = 24.0,
    history: Annotated[
        Path | None, typer.Option(help="File of past reports: this one is added, and drift of two in a row is told.")
    ] = None,
    artifact: Annotated[Path | None, typer.Option(help="Artefact whose encoder compares the meaning.")] = None,
    level: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="Share of equal windows that may be called drift.")
    ] = 0.01,
    meaning: Annotated[
        bool, typer.Option(help="Compare the meaning by embeddings; without, it takes no encoder.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Test CURRENT against REFERENCE, feature by feature; exit 0 whether it drifted or not."""
    files = tuple(each for each in (reference, current) if each is not None)
    if (recorded is None) != (len(files) == _FILES) or (recorded is not None and files):
        raise typer.BadParameter("give --reference and --current, or --recorded alone")
    from mlops.drift.comparing import DriftRules, compare  # noqa: PLC0415 - other verbs start faster without
    from mlops.drift.encoding import once  # noqa: PLC0415 - as above
    from mlops.drift.persistence import persisted, remember  # noqa: PLC0415 - as above
    from mlops.drift.stream import changes  # noqa: PLC0415 - as above
    from mlops.drift.stream_detector import AdaptiveWindow  # noqa: PLC0415 - as above
    from mlops.drift.windows import read_window  # noqa: PLC0415 - as above
    from mlops.translation.glossary import Glossary  # noqa: PLC0415 - as above
    from mlops.translation.language import LanguageDetector  # noqa: PLC0415 - as above

    if recorded is None:
        before, now = (read_window(each) for each in files)
    else:
        from mlops.recorded_queries import recorded_windows  # noqa: PLC0415 - as above

        before, now = recorded_windows(recorded, datetime.now(UTC), timedelta(hours=hours))  # noqa: TID251 - a root
    detector = LanguageDetector(Glossary.shipped())

    def detect(text: str) -> str:
        return detector.detect(text).language

    with _encoder(artifact, wanted=meaning) as encoder:
        encode = None if encoder is None else once(encoder.encode)
        report = compare(before, now, encode=encode, detect=detect, rules=DriftRules(level=level))
        changed = changes(before, now, AdaptiveWindow, encode=encode, detect=detect)
    document: dict[str, Any] = report.document() | {"changes": [change.document() for change in changed]}
    if history is not None:
        document["persisted"] = list(persisted(remember(history, document)))
    if json:
        print_json(document)
    else:
        _print(report, document.get("persisted"), [change.told for change in changed])


@contextmanager
def _encoder(artifact: Path | None, *, wanted: bool) -> Iterator[Encoder | None]:
    """That of the artefact, or the one that artefacts are made with."""
    if not wanted:
        yield None
        return
    from mlops.artifact import layout  # noqa: PLC0415 - as above
    from mlops.retrieval.encoder import Encoder  # noqa: PLC0415 - as above
    from mlops.retrieval.encoder_source import find_encoder, write_encoder  # noqa: PLC0415 - as above

    threads = Settings().threads
    if artifact is not None:
        yield Encoder.load(artifact / layout.ENCODER, threads=threads)
        return
    with TemporaryDirectory() as folder:
        write_encoder(find_encoder(), Path(folder) / layout.ENCODER)
        yield Encoder.load(Path(folder) / layout.ENCODER, threads=threads)


def _print(report: DriftReport, persisted: list[str] | None, changed: Sequence[str]) -> None:
    rows = [
        ("drifted" if test.drifted else "", test.feature, test.measure, f"{test.effect:.3f}", f"{test.p_corrected:.2g}")
        for test in report.tests
    ]
    if rows:
        print_table("Tests", ("", "feature", "measure", "effect", "p"), rows)
    for name, window in (("reference", report.reference), ("current", report.current)):
        for rule, count in window.left_out.items():
            messages.print(f"warning: {name}: {count} lines left out: {rule}", markup=False, soft_wrap=True)
    answer(f"{report.verdict.value}: {'; '.join(report.reasons)}")
    for told in changed:
        answer(f"Changed: {told}")
    if persisted:
        answer(f"Lasting, in two windows in a row: {', '.join(persisted)}")
