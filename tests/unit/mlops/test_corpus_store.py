"""The corpus in its SQLite file: what an import writes, and what it says when it cannot."""

import hashlib
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.corpus.store import CorpusStore
from mlops.errors import Invalid, Permanent, Transient
from mlops.recipe import Recipe

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 7, 2, 12, tzinfo=UTC)


def recipe(number: int, **values) -> Recipe:
    return Recipe(id=f"r{number:04}", **{"title": f"Dish {number}", "ingredients": ("salt",), **values})


def put(store, *recipes, source="a.csv", now=NOW):
    return store.upsert(recipes, source=source, now=now)


def columns(path, what):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"SELECT {what} FROM recipes ORDER BY id").fetchall()  # noqa: S608 - the test's own words
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "corpus.db"


@pytest.fixture
def store(path):
    with CorpusStore.open(path) as opened:
        yield opened


def test_each_recipe_is_told_what_became_of_it(store):
    assert put(store, recipe(1), recipe(2)) == ("added", "added")
    assert put(store, recipe(1), recipe(2, title="New"), recipe(3)) == ("unchanged", "updated", "added")
    assert store.count() == 3


def test_of_two_recipes_of_one_id_in_a_batch_the_later_stays(store):
    assert put(store, recipe(1), recipe(1, title="New"), recipe(1, title="New")) == ("added", "updated", "unchanged")
    assert [row.title for row in store.rows()] == ["New"]


def test_what_did_not_change_keeps_the_time_and_source_of_its_last_change(store, path):
    put(store, recipe(1), recipe(2))
    put(store, recipe(1), recipe(2, title="New"), source="b.csv", now=LATER)
    assert columns(path, "source, imported_at") == [("a.csv", NOW.isoformat()), ("b.csv", LATER.isoformat())]


def test_rows_come_back_whole_and_in_the_order_of_ids(store, path):
    full = recipe(
        1,
        title="Crème brûlée 🍮",
        steps=("Heat.", "Chill."),
        minutes=0,
        servings=4,
        difficulty="hard",
        season=("winter",),
        diets=("vegetarian",),
        allergens=("egg", "milk"),
        tags=("'; DROP TABLE recipes; --",),
    )
    put(store, recipe(2), full, recipe(0))
    assert list(store.rows()) == [recipe(0), full, recipe(2)]
    with CorpusStore.open(path) as again:
        assert list(again.rows()) == [recipe(0), full, recipe(2)]


def test_the_digest_is_that_of_the_rows_whatever_order_and_file_they_came_in(store, tmp_path):
    put(store, recipe(1), recipe(2), recipe(3))
    with CorpusStore.open(tmp_path / "other.db") as other:
        put(other, recipe(3), source="x.jsonl", now=LATER)
        put(other, recipe(2), recipe(1))
        assert other.digest() == store.digest()
        put(other, recipe(2, minutes=5))
        assert other.digest() != store.digest()
    rows = b"".join(orjson.dumps(row.to_row(), option=orjson.OPT_SORT_KEYS) + b"\n" for row in store.rows())
    assert store.digest() == f"sha256:{hashlib.sha256(rows).hexdigest()}"


def test_an_empty_store_and_an_empty_batch_are_no_special_cases(store):
    assert put(store) == ()
    assert (store.count(), list(store.rows())) == (0, [])
    assert store.digest() == f"sha256:{hashlib.sha256().hexdigest()}"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30))
def test_a_second_import_changes_nothing(tmp_path_factory, drawn):
    batch = [recipe(number, minutes=minutes) for number, minutes in drawn]
    last = {each.id: each for each in batch}
    with CorpusStore.open(tmp_path_factory.mktemp("law") / "c.db") as store:
        outcomes = put(store, *batch)
        assert outcomes.count("added") == store.count() == len(last)
        before = store.digest()
        assert set(put(store, *last.values())) <= {"unchanged"}
        assert store.digest() == before
        assert list(store.rows()) == sorted(last.values(), key=lambda each: each.id)


def test_a_reader_sees_whole_batches_while_somebody_writes(store, path):
    put(store, recipe(1))
    with CorpusStore.open(path) as reader:
        rows = reader.rows()
        assert next(rows) == recipe(1)
        put(store, recipe(2))
        assert reader.count() in (1, 2)
        assert store.count() == 2


# Faults


def test_a_full_disk_keeps_nothing_of_the_batch_and_all_that_was_before(path):
    CorpusStore.open(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA max_page_count = 20")
    with CorpusStore(connection, path) as store:
        put(store, recipe(1))
        with pytest.raises(Permanent, match="the disk is full") as caught:
            put(store, *[recipe(number, steps=("x" * 1000,)) for number in range(2, 500)])
        assert "free disk space" in caught.value.hint
        assert list(store.rows()) == [recipe(1)]
        assert put(store, recipe(2)) == ("added",)


def test_a_recipe_that_cannot_be_written_undoes_its_batch(store):
    with pytest.raises(TypeError):
        put(store, recipe(1), replace(recipe(2), minutes=object()))
    assert store.count() == 0
    assert put(store, recipe(1)) == ("added",)


def test_a_locked_store_is_worth_trying_again(store, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with CorpusStore.open(path, busy_seconds=0) as second:
        with pytest.raises(Transient, match="locked"):
            put(second, recipe(1))
        other.execute("ROLLBACK")
        assert put(second, recipe(1)) == ("added",)
    other.close()


def test_a_read_only_store_says_so(store, path):
    put(store, recipe(1))
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    with CorpusStore(connection, path) as frozen:
        with pytest.raises(Permanent, match="read-only"):
            put(frozen, recipe(2))
        assert frozen.count() == 1


@pytest.mark.parametrize("content", [b"title,ingredients\n" * 100, b"SQLite format 3\0" + b"\xff" * 2000])
def test_a_file_of_another_kind_is_left_alone(tmp_path, content):
    path = tmp_path / "corpus.db"
    path.write_bytes(content)
    with pytest.raises(Permanent) as caught:
        CorpusStore.open(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()
    with pytest.raises(Invalid, match="another program"):
        CorpusStore.open(path)


def test_a_store_of_a_later_version_is_not_touched(path):
    CorpusStore.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Invalid, match="version 99, this program reads 1"):
        CorpusStore.open(path)


def test_a_folder_and_a_path_below_a_file_are_told(tmp_path):
    with pytest.raises(Permanent, match="cannot be opened"):
        CorpusStore.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(Permanent, match="cannot be made"):
        CorpusStore.open(tmp_path / "file" / "corpus.db")


def test_a_damaged_store_is_told_when_its_rows_are_read(store, path):
    put(store, *[recipe(number, steps=("x" * 900,)) for number in range(500)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 5 : 4096 * 60] = b"\xff" * (4096 * 55)
    path.write_bytes(content)
    with CorpusStore.open(path) as damaged, pytest.raises(Permanent, match="damaged"):
        list(damaged.rows())
