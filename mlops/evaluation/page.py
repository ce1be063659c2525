"""The page about an evaluation, for people: Evidently's report on what each query was worth. Its only importer.

Evidently and what it brings are an extra (`report`), which only the image of the jobs has.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Columns = Mapping[str, Sequence[float | str]]


def write_page(path: Path, candidate: Columns, baseline: Columns | None) -> None:
    """Write an HTML file that needs nothing else: each column's spread, beside the baseline's where there is one.

    Raises NotFound where Evidently is not installed.
    """
    # Before it is imported: it would tell its makers that it runs.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        import pandas as pd  # noqa: PLC0415 - two seconds, and not there everywhere
        from evidently import Report  # noqa: PLC0415 - as above
        from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise NotFound("Evidently is not installed", hint="the extra `report` brings it") from error
    now = pd.DataFrame(dict(candidate))
    if baseline is None:
        snapshot = Report([DataSummaryPreset()]).run(now, None)
    else:
        snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(now, pd.DataFrame(dict(baseline)))
    snapshot.save_html(str(path))
