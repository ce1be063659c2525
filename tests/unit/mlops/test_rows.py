"""Rows of an artefact: any of them, in any order, with the kernel and without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.kernel.library import kernel
from mlops.retrieval.rows import ROWS_FILE, Rows, write_rows

KERNELS = [pytest.param(None, id="python")] + [pytest.param(each, id="kernel") for each in [kernel()] if each]
ROWS = [
    {"id": "r0", "title": "Soup\nof two lines,\tand a tab"},
    {"id": "r1", "title": "Sopa de ñoras \U0001f372 \u2028"},
    {"id": "r2", "title": "", "steps": ["}, {", '"', "\\n"]},
    {"id": "r3", "title": "long " * 5000},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("rows")
    write_rows(made, ROWS)
    return made


@pytest.mark.parametrize("by", KERNELS)
@given(documents=st.lists(st.integers(0, 3), max_size=9))
def test_rows_come_in_the_order_in_which_they_are_asked_for(folder, by, documents):
    assert Rows.load(folder, by).of(documents) == [ROWS[document] for document in documents]


@pytest.mark.parametrize("by", KERNELS)
def test_one_row_and_all_ids(folder, by):
    rows = Rows.load(folder, by)
    assert (rows[3], rows.ids(), len(rows)) == (ROWS[3], ["r0", "r1", "r2", "r3"], 4)


@pytest.mark.parametrize("by", KERNELS)
def test_a_file_that_was_cut_short_is_a_fault_and_no_crash(folder, tmp_path, by):
    for name in folder.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    rows = Rows.load(tmp_path, by)
    with (tmp_path / ROWS_FILE).open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(OSError, match=r"\[Errno 5\]"):
        rows.of([0, 3])
