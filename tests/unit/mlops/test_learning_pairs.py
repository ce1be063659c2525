"""Which texts a fine-tuned encoder is taught to bring together."""

from datetime import UTC, datetime

from mlops.learning.pairs import training_pairs
from mlops.learning.sessions import Session
from mlops.retrieval.documents import semantic_text
from tests.builders.corpus import KITCHEN

RECIPES = {recipe.id: recipe for recipe in KITCHEN}


def session(query, liked, language="en"):
    return Session(
        at=datetime(2026, 1, 1, tzinfo=UTC), session="s", who="s", language=language, query=query,
        shown=tuple(RECIPES), liked=frozenset(liked),
    )  # fmt: skip


def pairs(*sessions, most=1_000):
    return training_pairs(sessions, RECIPES, most=most, seed=1)


def test_a_query_and_what_was_chosen_are_a_pair_once():
    found = pairs(session("winter soup", ["lentil-soup"]), session("winter soup", ["lentil-soup", "gone"]))
    assert found.count(("winter soup", semantic_text(RECIPES["lentil-soup"]))) == 1
    assert len(found) == 1 + len(KITCHEN)


def test_each_title_and_its_ingredients_are_a_pair():
    assert ("Caprese salad", "4 tomatoes, 200 g mozzarella, basil, olive oil") in pairs()


def test_spanish_queries_are_left_out():
    assert len(pairs(session("sopa", ["lentil-soup"], language="es"))) == len(KITCHEN)


def test_clicks_come_before_titles_where_not_all_can_be_had():
    (pair,) = pairs(session("winter soup", ["lentil-soup"]), most=1)
    assert pair[0] == "winter soup"


def test_the_order_is_by_seed():
    assert pairs() == pairs()
    assert training_pairs((), RECIPES, most=99, seed=2) != pairs()
