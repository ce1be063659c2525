"""What others can do without is hidden from them, and from nobody else."""

import sys

import pytest

from predictor.optional_import import without

# Of the standard library, and imported by nothing that tests import.
SELDOM = "colorsys"


@pytest.fixture(autouse=True)
def _not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, SELDOM, raising=False)


def test_it_is_not_found_within_the_block_and_is_after_it():
    with without(SELDOM), pytest.raises(ModuleNotFoundError):
        __import__(SELDOM)

    assert __import__(SELDOM).__file__


def test_it_is_there_after_a_failure_too():
    with pytest.raises(RuntimeError), without(SELDOM):
        raise RuntimeError

    assert __import__(SELDOM).__file__


def test_what_is_imported_already_stays():
    there = __import__(SELDOM)

    with without(SELDOM):
        assert __import__(SELDOM) is there

    assert __import__(SELDOM) is there
