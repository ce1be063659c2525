"""What two versions are asked: the same where they share recipes, else each for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.evaluation import contrast
from mlops.judging import Contender, _datasets
from tests.builders.corpus import recipe
from tests.unit.mlops.test_evaluation_contrast import RIGHT, SECOND, WRONG, queries, report

if TYPE_CHECKING:
    from pathlib import Path


class Rows:
    """Recipes of these numbers."""

    def __init__(self, numbers):
        self._rows = [recipe(f"r{number:03}", f"Dish {number}", "water").to_row() for number in numbers]

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, document):
        return self._rows[document]

    def ids(self):
        return [row["id"] for row in self._rows]


def version(numbers) -> Contender:
    return Contender(None, Rows(numbers), {})


def documents(judged) -> set[str]:
    return {document for grades in judged[1].values() for document in grades}


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"),
    [
        (range(100), range(100), range(100)),
        (range(50, 150), range(100), range(50, 100)),
        (range(5), range(100), range(5)),
        (range(3, 8), range(5), None),
        (range(51, 151), range(100), None),
        (range(100, 200), range(100), None),
    ],
)
def test_who_shares_too_few_recipes_is_asked_for_its_own(ours, theirs, shared):
    asked, beside = _datasets("default", version(ours), version(theirs))

    assert documents(asked) == {f"r{number:03}" for number in (ours if shared is None else shared)}
    assert documents(beside) == {f"r{number:03}" for number in (theirs if shared is None else shared)}
    assert (asked is beside) == (shared is not None)


def test_the_order_of_an_artefact_changes_no_question():
    assert _datasets("default", version(reversed(range(300))), None) == _datasets("default", version(range(300)), None)


def test_queries_of_one_s_own_are_for_both(tmp_path: Path):
    (tmp_path / "queries.jsonl").write_text('{"qid": "q1", "kind": "k", "text_en": "soup"}\n', encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("q1 0 r1 2\n", encoding="utf-8")

    asked, beside = _datasets(str(tmp_path), version(range(3)), version(range(9)))

    assert asked is beside
    assert documents(asked) == {"r1"}


def test_apart_is_as_wide_as_two_samples_make_it_where_pairs_would_say_more():
    mixed = queries(soup=20, pie=20)
    before = report(mixed, {"soup": RIGHT, "pie": WRONG})
    now = report(mixed, {"soup": RIGHT, "pie": SECOND})
    paired, alone = contrast.difference("ndcg@10", now, before), contrast.apart("ndcg@10", now, before)
    assert paired is not None
    assert alone is not None
    assert alone.low <= paired.low
    assert alone.high >= paired.high


def test_apart_needs_no_query_in_common():
    now, before = report(queries(soup=20), {"soup": RIGHT}), report(queries(pie=30), {"pie": WRONG})
    assert contrast.difference("ndcg@10", now, before) is None
    interval = contrast.apart("ndcg@10", now, before)
    assert interval is not None
    assert interval.low == interval.high == pytest.approx(1.0)
