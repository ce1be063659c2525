"""Tables as text: headings, delimiters, cells that are lists, encodings, and broken records."""

import csv
import io

import pytest

from mlops.corpus.csv_rows import list_cell
from mlops.corpus.readers import reading
from mlops.corpus.rows import BadRow, Limits, RawRow
from mlops.errors import Invalid

EGG = {"title": "Boiled egg", "ingredients": ["1 egg", "water"]}


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, **limits):
    with reading(path, Limits(**limits)) as opened:
        return list(opened.rows), opened.notes()


def rows_in(path, **limits):
    return read(path, **limits)[0]


def fields_in(path):
    rows = rows_in(path)
    assert all(isinstance(row, RawRow) for row in rows), rows
    return [row.fields for row in rows]


@pytest.mark.parametrize(
    "headings",
    [
        "title,ingredients,steps,minutes,tags,cuisine",
        "Name,Ingredients,Directions,Total Time,Keywords,Culture",
        "nombre,ingredientes,instrucciones,minutos,etiquetas,cocina",
        "TÍTULO,Ingredientes,Preparación,Tiempo,Etiquetas,Cultura",
        "receta,ingredientes,pasos,tiempo total,etiquetas,cocina",
    ],
)
def test_headings_are_read_in_english_and_spanish(file, headings):
    assert fields_in(file("a.csv", headings + '\nEgg,1 egg;salt,Boil.,45 min,"quick, easy",british\n')) == [
        {
            "title": "Egg",
            "ingredients": ["1 egg", "salt"],
            "steps": ["Boil."],
            "minutes": "45 min",
            "tags": ["quick", "easy"],
            "cuisine": "british",
        }
    ]


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("1 egg", ["1 egg"]),
        ("400 g chickpeas, drained", ["400 g chickpeas, drained"]),
        ("1 egg; salt ;", ["1 egg", "salt"]),
        ("1 egg; large|salt", ["1 egg; large", "salt"]),
        ("1 egg|large\nsalt\r\n", ["1 egg|large", "salt"]),
        ('["1 egg", "salt"]', ["1 egg", "salt"]),
        ("['1 egg', \"baker's yeast\"]", ["1 egg", "baker's yeast"]),
        ("[optional] salt; pepper [black]", ["[optional] salt", "pepper [black]"]),
        (r"['\d']", [r"\d"]),
        ("[{[]: 1}]", ["[{[]: 1}]"]),
        ("[" * 5000 + "]" * 5000, ["[" * 5000 + "]" * 5000]),
        ("=cmd|' /C calc'!A0", ["=cmd", "' /C calc'!A0"]),
    ],
)
def test_a_cell_of_texts_is_parted(cell, items):
    assert list_cell(cell, words=False) == items


def test_words_are_parted_by_commas_too():
    assert list_cell("quick, easy", words=True) == ["quick", "easy"]


def test_quoted_cells_may_hold_delimiters_and_line_breaks(file):
    rows = rows_in(file("a.csv", 'title,ingredients\n"Egg, boiled","1 egg\nsalt"\nSoup,leek\n'))
    assert [(row.line, row.fields) for row in rows] == [
        (2, {"title": "Egg, boiled", "ingredients": ["1 egg", "salt"]}),
        (4, {"title": "Soup", "ingredients": ["leek"]}),
    ]


def test_an_empty_cell_is_an_absent_value_and_an_empty_line_is_none(file):
    assert fields_in(file("a.csv", "title,ingredients,minutes\nEgg,1 egg,\n\n,,\n")) == [
        {"title": "Egg", "ingredients": ["1 egg"]}
    ]


def test_formulas_stay_text(file):
    assert fields_in(file("a.csv", "title,ingredients\n=1+1,@SUM(A1)\n")) == [
        {"title": "=1+1", "ingredients": ["@SUM(A1)"]}
    ]


def test_windows_text_is_read_and_reported(file):
    rows, notes = read(file("a.csv", "título,ingredientes\nPiña,1 piña\n".encode("cp1252")))
    assert rows[0].fields == {"title": "Piña", "ingredients": ["1 piña"]}
    assert notes == ("2 lines were not UTF-8 and were read as Windows-1252",)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("Soup", "has 1 cells, the headings are 2"),
        ("Soup,leek,extra", "has 3 cells, the headings are 2"),
        ('"Soup"x,leek', "is not CSV: ',' expected after '\"'"),
        (b"Soup,\x81\xff", "is neither UTF-8 nor Windows-1252: byte 0x81"),
        ("Soup," + "x" * 1_000_000, "has a cell of more than 131,072 characters, or a quote that is not closed"),
    ],
)
def test_a_broken_record_costs_only_itself(file, record, reason):
    record = record if isinstance(record, bytes) else record.encode()
    rows = rows_in(file("a.csv", b"title,ingredients\nEgg,1 egg\n" + record + b"\nTea,leaves\n"))
    assert [(row.line, type(row)) for row in rows] == [(2, RawRow), (3, BadRow), (4, RawRow)]
    assert rows[1].reason == reason


def test_an_open_quote_does_not_swallow_the_file(file):
    rows = rows_in(file("a.csv", 'title,ingredients\n"Egg,1 egg\n' + "Soup,leek\n" * 50_000))
    assert isinstance(rows[0], BadRow)
    assert sum(isinstance(row, RawRow) for row in rows) > 30_000


def test_a_record_over_many_lines_is_bounded_too(file):
    egg, first, *_ = rows_in(file("a.csv", "title,ingredients\nEgg,1 egg\n" + '"x\n",' * 5000), row=10_000)
    assert egg.fields == {"title": "Egg", "ingredients": ["1 egg"]}
    assert (first.line, first.reason) == (3, "has more than 10,000 bytes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dish,parts\nEgg,1 egg\n", "no column for title and ingredients; its columns are 'dish', 'parts'"),
        ("title,minutes\nEgg,3\n", "no column for ingredients"),
        ("title,ingredients,title\nEgg,1 egg,x\n", "two columns 'title'"),
        ("\n\n \n", "is empty"),
    ],
)
def test_a_table_without_the_needed_columns_says_which(file, text, message):
    with pytest.raises(Invalid, match=message):
        rows_in(file("a.csv", text))


def test_what_csv_writes_comes_back(file):
    cells = ['a "quoted" title', "1 egg, large|salt\nand; pepper|'x'"]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["title", "ingredients"], cells])
    assert fields_in(file("a.csv", buffer.getvalue())) == [
        {"title": cells[0], "ingredients": ["1 egg, large|salt", "and; pepper|'x'"]}
    ]
