"""Do users ask for something else than when production was trained? Windows of what they asked, held against that.

The reference is the week before the training, or the first week after it where too little was asked before. Each full
day since is a window; the latest of them are compared, and drift counts where the same feature drifts in several.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import orjson

from mlops.drift.comparing import DriftRules, compare
from mlops.drift.encoding import once
from mlops.drift.stream import changes
from mlops.drift.windows import Window, collect
from mlops.recorded_sessions import recorded_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlops.drift.encoding import Encode


WIDTH = timedelta(days=1)
REFERENCE = timedelta(days=7)
LATEST = 4


def windows_of(
    rows: Iterable[Mapping[str, Any]], trained_at: datetime, now: datetime, rules: DriftRules
) -> tuple[Window, tuple[Window, ...]]:
    """The reference, and the latest full days after it, oldest first; of rows only query, language and time count."""
    asked = sorted(
        ((at, row) for row in rows if row.get("query") and (at := _time(row.get("ts"))) is not None),
        key=lambda pair: pair[0],
    )

    def between(start: datetime, end: datetime) -> Window:
        lines = (
            orjson.dumps({"query": row["query"], "lang": row.get("lang"), "ts": at.isoformat()})
            for at, row in asked
            if start <= at < end
        )
        return collect(lines, name=f"{start:%Y-%m-%d}")

    reference, start = between(trained_at - REFERENCE, trained_at), trained_at
    if len(reference.events) < rules.least_queries:
        reference, start = between(trained_at, trained_at + REFERENCE), trained_at + REFERENCE
    full = max(0, (now - start) // WIDTH)
    days = range(max(0, full - LATEST), full)
    return reference, tuple(between(start + day * WIDTH, start + (day + 1) * WIDTH) for day in days)


def drift_of(
    folder: Path,
    trained_at: datetime,
    now: datetime,
    *,
    encode: Encode | None,
    detect: Callable[[str], str] | None = None,
) -> list[dict[str, Any]]:
    """Compare what users asked according to the spools in `folder`: a report for each window, the latest last.

    That one says what changed in the stream of all windows, and since when (`mlops.drift.stream`).
    """
    from mlops.drift.stream_detector import AdaptiveWindow  # noqa: PLC0415 - river takes seconds to load

    rules, encode = DriftRules(), None if encode is None else once(encode)
    reference, current = windows_of(recorded_answers(folder), trained_at, now, rules)
    reports = [compare(reference, window, encode=encode, detect=detect, rules=rules).document() for window in current]
    if reports:
        stream = Window(events=tuple(event for window in current for event in window.events), left_out={})
        found = changes(reference, stream, AdaptiveWindow, encode=encode, detect=detect)
        reports[-1]["changes"] = [change.document() for change in found]
    return reports


@contextmanager
def packaged_encoder() -> Iterator[Encode]:
    """The encoder that artefacts are made with."""
    from mlops.retrieval.encoder import Encoder  # noqa: PLC0415 - for those who compare the meaning
    from mlops.retrieval.encoder_source import find_encoder, write_encoder  # noqa: PLC0415 - as above

    with TemporaryDirectory() as folder:
        write_encoder(find_encoder(), Path(folder) / "encoder")
        yield Encoder.load(Path(folder) / "encoder").encode


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
