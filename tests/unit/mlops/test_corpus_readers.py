"""Files into rows: every format, and what people and attackers make of it."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.corpus.readers import reading
from mlops.corpus.rows import BadRow, Limits, RawRow
from mlops.errors import Invalid, NotFound

EGG = {"title": "Boiled egg", "ingredients": ["1 egg", "water"]}
SOUP = {"title": "Soup", "ingredients": ["1 leek"]}


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows_in(path, **limits):
    with reading(path, Limits(**limits)) as opened:
        return list(opened.rows)


def fields_in(path):
    rows = rows_in(path)
    assert all(isinstance(row, RawRow) for row in rows), rows
    return [row.fields for row in rows]


def lines_of(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def parquet_of(rows, **options):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, **options)
    return buffer.getvalue()


CSV = "title,ingredients\nBoiled egg,1 egg|water\nSoup,1 leek\n"
PAGE = (
    '<html><script type="application/ld+json">{"@type":"Recipe","name":"Soup","recipeIngredient":["1 leek"]}</script>'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", lines_of(EGG, SOUP)),
        ("a.ndjson", lines_of(EGG, SOUP)),
        ("a.jsonl", lines_of(EGG, SOUP).replace("\n", "\r\n\r\n")),
        ("a.jsonl", "\ufeff" + lines_of(EGG, SOUP).rstrip("\n")),
        ("a.jsonl.gz", gzip.compress(lines_of(EGG, SOUP).encode(), mtime=0)),
        ("packed-without-a-suffix.jsonl", gzip.compress(lines_of(EGG, SOUP).encode(), mtime=0)),
        ("a.json", json.dumps([EGG, SOUP], indent=2)),
        ("a.json", "\ufeff \n" + json.dumps([EGG, SOUP])),
        ("lines-called.json", lines_of(EGG, SOUP)),
        ("unknown.txt", lines_of(EGG, SOUP)),
        ("no-suffix", json.dumps([EGG, SOUP])),
        ("a.csv", CSV),
        ("A.CSV", "\ufeff\n" + CSV.replace("\n", "\r\n")),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.tsv", CSV.replace(",", "\t")),
        ("spanish-excel.csv", CSV.replace(",", ";")),
        ("unknown.txt", CSV),
        ("a.parquet", parquet_of([EGG, SOUP])),
        ("parquet-without-a-suffix", parquet_of([EGG, SOUP])),
    ],
)
def test_the_same_rows_come_out_of_every_format(file, name, content):
    assert fields_in(file(name, content)) == [EGG, SOUP]


@pytest.mark.parametrize("name", ["a.html", "a.htm", "page", "a.json", "a.jsonld", "a.jsonl"])
def test_linked_data_is_found_in_pages_documents_and_lines(file, name):
    content = PAGE if "htm" in name or name == "page" else PAGE.split(">")[2].removesuffix("</script")
    assert fields_in(file(name, content)) == [SOUP]


def test_lines_are_numbered_as_an_editor_numbers_them(file):
    text = "\n" + lines_of(EGG) + "\n{broken\n" + lines_of(SOUP)
    assert [(row.line, type(row)) for row in rows_in(file("a.jsonl", text))] == [(2, RawRow), (4, BadRow), (5, RawRow)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "is not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"title": "\xff"}', "is not UTF-8: byte 0xff at position 12"),
        ('{"title": "a\x00b"}', "is not JSON: Invalid control character at character 13"),
        ('{"allergens": ["egg"], "allergens": []}', "gives the key 'allergens' twice"),
        ('{"minutes": NaN}', "holds NaN, which is no JSON"),
        ('{"minutes": ' + "9" * 5000 + "}", "holds a number of 5,000 digits"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a":' * 100_000, "is nested too deeply"),
        ('["title"]', "must be an object with title and ingredients, not a list"),
        ('"title"', "must be an object with title and ingredients, not text"),
        ("null", "must be an object with title and ingredients, not null"),
        ('{"title": 1} x', "is not JSON: more text behind its end at character 14"),
        ('{"@type": "Person", "name": "Ada"}', "holds no schema.org Recipe"),
        ('{"title": "' + "x" * 5000 + '"}', None),
    ],
)  # fmt: skip
def test_a_broken_line_costs_only_itself(file, line, reason):
    line = line if isinstance(line, bytes) else line.encode()
    rows = rows_in(file("a.jsonl", lines_of(EGG).encode() + line + b"\n" + lines_of(SOUP).encode()))
    assert [row.fields for row in (rows[0], rows[-1])] == [EGG, SOUP]
    if reason is None:
        assert isinstance(rows[1], RawRow)
    else:
        assert (rows[1].line, rows[1].reason) == (2, reason)
        assert len(rows[1].raw) <= 2000


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_line_beyond_the_limit_is_passed_over(file, name):
    head, tail = (
        (lines_of(EGG), lines_of(SOUP)) if name == "a.jsonl" else ("title,ingredients\nEgg,1 egg\n", "Soup,1 leek\n")
    )
    rows = rows_in(file(name, head + "x" * 3_000_000 + "\n" + tail), row=10_000)
    assert [type(row) for row in rows] == [RawRow, BadRow, RawRow]
    assert rows[1].reason == "has more than 10,000 bytes"
    assert len(rows[1].raw) == 2000


def test_an_item_of_a_list_may_be_longer_than_what_is_read_at_once(file):
    long = {"title": "Long", "ingredients": ["x" * 200_000]}
    assert fields_in(file("a.json", json.dumps([EGG, long, SOUP]))) == [EGG, long, SOUP]


def test_a_list_yields_the_items_before_a_broken_one_and_then_says_which_it_is(file):
    path = file("a.json", json.dumps([EGG, SOUP])[:-1] + ', {"title": }, 3]')
    with reading(path, Limits()) as opened:
        assert next(opened.rows).fields == EGG
        assert next(opened.rows).fields == SOUP
        with pytest.raises(Invalid, match="item 3 is not JSON: Expecting value"):
            next(opened.rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"title": "x"}', "item 1 is the last; the list is not closed"),
        ('[{"title": "x"} {"title": "y"}]', "item 1 is followed by something else than a comma"),
        ("[" * 100_000, "item 1 is nested too deeply"),
        ('["\xff', "item 1"),
    ],
)
def test_a_broken_list_is_an_error_of_the_file(file, text, message):
    with pytest.raises(Invalid, match=message):
        rows_in(file("a.json", text))


def test_duplicate_keys_in_an_item_cost_only_the_item(file):
    rows = rows_in(file("a.json", '[{"diets": ["vegan"], "diets": []}, {"title": "y"}]'))
    assert [type(row) for row in rows] == [BadRow, RawRow]


def test_an_empty_list_holds_nothing(file):
    assert rows_in(file("a.json", "[ ]")) == []


def test_the_fields_of_the_archive_are_ours(file):
    row = {**EGG, "culture": "denmark", "source_title": "Kogebog", "source_url": "https://x", "source_year": 1921}
    assert fields_in(file("a.jsonl", lines_of(row))) == [{**EGG, "cuisine": "denmark", "source": "Kogebog"}]
    assert fields_in(file("b.jsonl", lines_of({**row, "source_title": None})))[0]["source"] == "https://x"


# Parquet


def test_parquet_rows_are_numbered_over_batches(file):
    rows = rows_in(file("a.parquet", parquet_of([{**EGG, "id": str(n)} for n in range(1201)], row_group_size=700)))
    assert [row.line for row in rows] == list(range(1, 1202))
    assert [row.fields["id"] for row in rows] == [str(n) for n in range(1201)]


def test_parquet_text_that_is_not_utf8_costs_only_its_row(file):
    titles = pa.Array.from_buffers(pa.string(), 3, pa.array([b"Egg", b"\xff\xfe", b"Tea"]).buffers())
    table = pa.table({"title": titles, "ingredients": [["1"], ["2"], ["3"]]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    rows = rows_in(file("a.parquet", buffer.getvalue()))
    assert [(row.line, type(row)) for row in rows] == [(1, RawRow), (2, BadRow), (3, RawRow)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (parquet_of([{"dish": "x"}]), "no column for title and ingredients; its columns are dish"),
        (parquet_of([EGG])[:-8], "no Parquet file that can be read"),
        (b"PAR1" + b"\0" * 100 + b"PAR1", "no Parquet file that can be read"),
        (b"title,ingredients\n", "does not begin with PAR1"),
        (gzip.compress(parquet_of([EGG]), mtime=0), "packed Parquet"),
    ],
)
def test_a_parquet_file_that_is_none_says_so(file, content, message):
    with pytest.raises(Invalid, match=message):
        rows_in(file("a.parquet", content))


# What is not read at all


def zip_of(text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("recipes.csv", text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"", "is empty"),
        ("a.parquet", b"", "is empty"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.csv", zip_of(CSV), "zip archive or an Excel workbook"),
        ("recipes.xlsx", zip_of(CSV), "zip archive or an Excel workbook"),
        ("a.csv", CSV.encode("utf-16"), "UTF-16"),
        ("a.csv", CSV.encode("utf-16-le"), "is binary"),
        ("a.jsonl", bytes(range(256)) * 20, "is binary"),
        ("corpus.db", b"SQLite format 3\0" + b"\0" * 80, "SQLite"),
        ("a.pdf", b"%PDF-1.7 ...", "PDF"),
        ("a.txt", b"Dear diary, today I cooked.", "no format that is read"),
        ("a.html", b"<html><p>No recipe, sorry.", "declares no schema.org Recipe"),
        ("a.json", b'{"@context": "https://schema.org", "@type": "Person"}', "holds no schema.org Recipe"),
        ("a.json", b'{"title": ', "is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(file, name, content, message):
    with pytest.raises(Invalid, match=message) as caught:
        rows_in(file(name, content))
    assert caught.value.hint


def test_a_missing_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        rows_in(tmp_path / "none.csv")
    with pytest.raises(Invalid, match="is a folder"):
        rows_in(tmp_path)


def test_a_document_has_a_bound(file):
    with pytest.raises(Invalid, match="more than 1,000 bytes"):
        rows_in(file("a.json", json.dumps({"title": "x" * 2000})), document=1000)
    with pytest.raises(Invalid, match="more than 1,000 bytes"):
        rows_in(file("a.html", PAGE + " " * 2000), document=1000)


def test_a_packed_bomb_has_a_bound(file):
    bomb = gzip.compress(lines_of(EGG).encode() + b" " * 50_000_000, mtime=0)
    assert len(bomb) < 100_000
    with pytest.raises(Invalid, match="unpacks to more than 5,000,000 bytes"):
        rows_in(file("a.jsonl.gz", bomb), unpacked=5_000_000)


@pytest.mark.parametrize("cut", [20, -4])
def test_a_damaged_packing_is_told(file, cut):
    packed = gzip.compress(b"".join(lines_of({**EGG, "id": str(n)}).encode() for n in range(5000)))
    with pytest.raises(Invalid, match="packing is damaged"):
        rows_in(file("a.jsonl.gz", packed[:cut]))
