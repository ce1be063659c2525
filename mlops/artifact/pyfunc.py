"""MLflow's way in: `mlflow.pyfunc.load_model(artefact).predict(frame)`. MLflow calls `_load_pyfunc` by that name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.artifact.loader import load_model
from mlops.recommendation import Ask
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import pandas as pd

    from mlops.recommendation import ServedModel

DEFAULT_K = 10


class RecipePyfunc:
    """Predicts a table: a row per query and rank, with columns query, rank (from 1), id, title and score."""

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002 - MLflow's signature
        """Answer each row of `frame` (column query; optional k and language)."""
        import pandas as pd  # noqa: PLC0415 - the caller has imported it already; the predictor never comes here

        rows = []
        for record in frame.to_dict(orient="records"):
            ask = Ask(
                text=str(record["query"]),
                k=int(_given(record, "k") or DEFAULT_K),
                language=_given(record, "language") or "auto",
            )
            for rank, hit in enumerate(self._model.recommender.recommend(ask).hits, start=1):
                rows.append(
                    {"query": ask.text, "rank": rank, "id": hit.id, "title": hit.recipe["title"], "score": hit.score}
                )
        return pd.DataFrame(rows, columns=["query", "rank", "id", "title", "score"])


def _given(record: Mapping[Hashable, Any], name: str) -> Any:
    """The value of a column, None where the column or the value is not there (pandas says NaN)."""
    value = record.get(name)
    return None if value != value else value  # noqa: PLR0124 - only NaN differs from itself


def _load_pyfunc(path: str) -> RecipePyfunc:
    return RecipePyfunc(load_model(Path(path), translator=open_translator("auto")))
