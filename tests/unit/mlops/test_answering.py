import pytest

from mlops.cli.answer import told
from mlops.recommendation import Filters


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        (Filters(), ""),
        (Filters(max_minutes=30), "max_minutes 30"),
        (Filters(diets=frozenset(["vegan"]), max_minutes=30), "diets vegan; max_minutes 30"),
        (Filters(without_allergens=frozenset(["nuts", "egg"])), "without_allergens egg, nuts"),
    ],
)
def test_filters_are_told_in_the_words_of_the_api(filters, text):
    assert told(filters) == text
