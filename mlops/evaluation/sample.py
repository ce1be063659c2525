"""The judged queries over the sample corpus, which a first version is evaluated on."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from mlops.evaluation.dataset import read_qrels, read_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.evaluation.dataset import Qrels, Query


def sample_set() -> tuple[Sequence[Query], Qrels]:
    """The queries in both languages, and the grades of the sample recipes for each."""
    with resources.as_file(resources.files("mlops.corpus").joinpath("sample")) as folder:
        return read_queries(folder / "queries.jsonl"), read_qrels(folder / "qrels.tsv")
