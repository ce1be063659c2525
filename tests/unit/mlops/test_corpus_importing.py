"""Files into the corpus, as `recipes import` and `recipes train --corpus` do it."""

import json
from datetime import UTC, datetime

import pytest

from mlops.corpus.importing import import_files, open_corpus
from mlops.corpus.rejects import Rejects
from mlops.corpus.rows import BadRow
from mlops.corpus.store import CorpusStore
from mlops.errors import Invalid, NotFound, Permanent

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def row(number, **values):
    return {"id": f"r{number:05}", "title": f"Dish {number}", "ingredients": ["salt", "water"], **values}


def silent(phase, done, total):
    """Take progress from whoever reports it."""


@pytest.fixture
def store(tmp_path):
    with CorpusStore.open(tmp_path / "corpus.db") as opened:
        yield opened


@pytest.fixture
def write(tmp_path):
    def jsonl(name, *rows):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in rows))
        return path

    return jsonl


@pytest.fixture
def take(store, tmp_path):
    def importing(*paths, progress=silent):
        ticks = iter(range(10_000))
        return import_files(
            paths, store, rejects_dir=tmp_path / "rejects", now=NOW, progress=progress, clock=lambda: float(next(ticks))
        )

    return importing


def rejects_in(tmp_path):
    return {path.name: path.read_text().splitlines() for path in sorted((tmp_path / "rejects").glob("*"))}


def test_every_row_is_counted_once(take, write, store):
    path = write("a.jsonl", row(1), row(2), "{broken", row(3, title=""), row(2, title="New"), row(1))
    [file] = take(path).files
    assert (file.read, file.added, file.updated, file.unchanged, file.rejected) == (6, 2, 1, 1, 2)
    assert file.first_reject.startswith("line 3: is not JSON")
    assert (store.count(), file.error, file.path) == (2, None, str(path))


def test_a_second_import_is_all_unchanged(take, write, store):
    path = write("a.jsonl", *[row(number) for number in range(1201)])
    assert take(path).totals() == {"read": 1201, "added": 1201, "updated": 0, "unchanged": 0, "rejected": 0}
    before = store.digest()
    assert take(path).totals() == {"read": 1201, "added": 0, "updated": 0, "unchanged": 1201, "rejected": 0}
    assert store.digest() == before


def test_the_same_recipe_without_an_id_is_one_recipe_in_any_file(take, write, tmp_path, store):
    jsonl = write("a.jsonl", {"title": "Boiled Egg", "ingredients": ["1 egg", "water"]})
    csv = tmp_path / "b.csv"
    csv.write_text("nombre,ingredientes\nboiled egg,1 egg|WATER\n")
    take(jsonl, csv)
    assert store.count() == 1


def test_rejects_tell_line_field_reason_and_row(take, write, tmp_path):
    [file] = take(
        write("a.jsonl", row(1), row(2, minutes="soon", title=""), '{"title": "\\ud800", "ingredients": ["piña"]}')
    ).files
    assert file.rejects_path == str(tmp_path / "rejects" / "a.jsonl.rejects.jsonl")
    first, second = (json.loads(line) for line in rejects_in(tmp_path)["a.jsonl.rejects.jsonl"])
    assert (first["line"], first["field"], first["reason"]) == (2, "title", "is blank")
    assert first["also"][0].startswith("minutes is 'soon'")
    assert json.loads(first["raw"]) == row(2, minutes="soon", title="")
    assert (second["line"], second["reason"]) == (3, "holds half a surrogate pair, U+D800, at character 1")
    assert "piña" in second["raw"]


def test_rejects_are_written_anew_and_none_is_left_where_nothing_was_refused(take, write, tmp_path):
    take(write("a.jsonl", "{", "{"))
    take(write("a.jsonl", "{", row(1)))
    assert [len(lines) for lines in rejects_in(tmp_path).values()] == [1]
    [file] = take(write("a.jsonl", row(1))).files
    assert (rejects_in(tmp_path), file.rejects_path) == ({}, None)


def test_a_raw_row_in_the_rejects_is_cut(take, write, tmp_path):
    take(write("a.jsonl", row(1, title="x" * 100_000), "y" * 100_000))
    for line in rejects_in(tmp_path)["a.jsonl.rejects.jsonl"]:
        assert len(json.loads(line)["raw"]) == 2000


def test_two_files_of_one_name_have_a_rejects_file_each(take, write, tmp_path):
    report = take(write("one/a.jsonl", "{"), write("two/a.jsonl", "{", "{"))
    assert {name: len(lines) for name, lines in rejects_in(tmp_path).items()} == {
        "a.jsonl.rejects.jsonl": 1,
        "a.jsonl.2.rejects.jsonl": 2,
    }
    assert len({file.rejects_path for file in report.files}) == 2


def test_a_bad_file_does_not_stop_the_others(take, write, tmp_path, store):
    empty = tmp_path / "empty.csv"
    empty.touch()
    report = take(tmp_path / "none.csv", empty, write("a.jsonl", row(1)))
    assert [file.error for file in report.files] == ["does not exist", "is empty", None]
    assert report.files[1].hint
    assert report.failed
    assert store.count() == 1


def test_what_stood_before_a_break_in_a_file_is_kept(take, tmp_path, store):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([row(number) for number in range(700)])[:-1] + ", {]")
    [file] = take(path).files
    assert file.error.startswith("item 701 is not JSON")
    assert (file.read, file.added, store.count()) == (700, 700, 700)


def test_a_report_is_plain_json(take, write):
    report = take(write("a.jsonl", row(1), "{"))
    document = json.loads(json.dumps(report.to_json()))
    assert (document["read"], document["added"], document["rejected"], document["failed"]) == (2, 1, 1, False)
    assert document["files"][0]["rejects_path"].endswith("a.jsonl.rejects.jsonl")
    assert document["seconds"] == 3
    assert document["files"][0]["seconds"] == 1


def test_progress_ends_with_the_whole_file(take, write):
    told = []
    path = write("a.jsonl", *[row(number) for number in range(1201)])
    take(path, progress=lambda phase, done, total: told.append((phase, done, total)))
    size = -(-path.stat().st_size // 1000)
    assert told[-1] == ("a.jsonl (kB)", size, size)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert len(told) == 4


def test_an_interrupt_keeps_what_was_committed(take, write, store, tmp_path):
    path = write("a.jsonl", "{", *[row(number) for number in range(2000)])

    def interrupt(phase, done, total):
        if store.count() == 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(path, progress=interrupt)
    assert store.count() == 1000
    assert len(rejects_in(tmp_path)["a.jsonl.rejects.jsonl"]) == 1
    assert take(path).totals() == {"read": 2001, "added": 1000, "updated": 0, "unchanged": 1000, "rejected": 1}


def test_a_fault_of_the_store_ends_the_import(take, write, store, tmp_path):
    store.close()
    with pytest.raises(Permanent):
        take(write("a.jsonl", row(1)), write("b.jsonl", row(2)))


def test_a_rejects_folder_that_cannot_be_written_ends_the_import(take, write, tmp_path):
    (tmp_path / "rejects").write_text("in the way")
    with pytest.raises(Permanent, match="cannot be written") as caught:
        take(write("a.jsonl", "{"))
    assert "--rejects" in caught.value.hint


def test_rejects_that_break_off_leave_no_half_file(tmp_path):
    path = tmp_path / "a.rejects.jsonl"
    path.write_text("of before\n")
    with Rejects(path) as rejects:
        rejects.add(BadRow(line=1, reason="is bad", raw="x"))
        assert path.read_text() == "of before\n"
    assert json.loads(path.read_text()) == {"line": 1, "reason": "is bad", "raw": "x"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_read_without_a_store(write):
    reading = open_corpus(write("a.jsonl", row(1), "{", row(2), row(3, title="")))
    assert [recipe.id for recipe in reading.recipes] == ["r00001", "r00002"]
    assert reading.rejected == 2
    assert [bad.line for bad in reading.rejects] == [2, 4]


def test_only_the_first_rejects_are_remembered(write):
    reading = open_corpus(write("a.jsonl", row(1), *["{"] * 500))
    assert (reading.rejected, len(reading.rejects)) == (500, 20)


def test_a_file_without_a_single_recipe_is_an_error_that_says_why(write, tmp_path):
    with pytest.raises(Invalid, match=r"holds no recipe; 2 rows were refused; the first: line 1: title is missing"):
        open_corpus(write("a.jsonl", {"ingredients": ["x"]}, "{"))
    with pytest.raises(NotFound):
        open_corpus(tmp_path / "none.jsonl")
