"""The second look: where terms stand, what a query is made of, and what a reordering must keep."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops.learning.tree_training import Group, grow
from mlops.recommendation import Filters
from mlops.retrieval.adapter import QueryAdapter
from mlops.retrieval.features import FEATURES, Seen, Shelf, candidates, features
from mlops.retrieval.fusion import Ranking, fuse
from mlops.retrieval.learned_ranking import LearnedRanking
from mlops.retrieval.query_parts import read_parts
from mlops.retrieval.term_fields import INGREDIENTS, LEAD, TITLE, TermFields
from mlops.retrieval.understanding import Understood
from tests.builders.corpus import KITCHEN

FIELDS = TermFields.build([recipe.to_row() for recipe in KITCHEN])
SHELF = Shelf(fields=FIELDS, ingredient_counts=np.array([len(recipe.ingredients) for recipe in KITCHEN]))
IDS = [recipe.id for recipe in KITCHEN]


def shares(terms):
    held = FIELDS.look(np.arange(len(KITCHEN))).shares(FIELDS.terms_of(terms))
    return {recipe: held[place].tolist() for place, recipe in enumerate(IDS)}


def test_a_term_counts_where_it_stands_highest():
    assert shares("apple")["apple-cake"] == [1, 1, 1]
    assert shares("flour")["apple-cake"] == [0, 1, 1]
    assert shares("butter")["apple-cake"] == [0, 0, 1]
    assert shares("butter")["caprese"] == [0, 0, 0]
    assert shares("apple butter")["apple-cake"] == [0.5, 0.5, 1]


def test_quantities_are_no_terms():
    assert shares("cup")["lentil-soup"] == [0, 0, 0]


def test_nothing_to_look_for_is_no_zero():
    assert shares("the with")["apple-cake"] == [-1, -1, -1]


def test_a_group_is_there_with_any_of_its_members():
    held = FIELDS.look(np.array([IDS.index("grilled-cod"), IDS.index("caprese"), IDS.index("satay")]))
    groups = [FIELDS.members(frozenset({"cod", "hake"})), FIELDS.members(frozenset({"peanut butter"}))]
    assert held.group_shares(groups)[:, TITLE].tolist() == [0.5, 0, 0]
    assert held.group_shares(groups)[:, LEAD].tolist() == [0.5, 0, 0.5]
    assert held.group_shares([])[:, INGREDIENTS].tolist() == [-1, -1, -1]


def test_rarer_words_weigh_more():
    held = FIELDS.look(np.array([IDS.index("chicken-soup")]))
    assert held.shares(FIELDS.terms_of("chicken lemongrass"), weighed=True)[0, TITLE] < 0.5


def test_fields_come_back_from_disk(tmp_path):
    FIELDS.save(tmp_path)
    again = TermFields.load(tmp_path)
    assert len(again) == len(KITCHEN)
    assert np.array_equal(again.title_terms, FIELDS.title_terms)


def test_alternatives_are_one_group():
    parts = read_parts("cake with peaches, plums or pears")
    (group,) = parts.foods
    assert {"peaches", "plums", "pears"} <= group
    assert "cake" in parts.dish


def test_things_that_are_all_wanted_are_groups_of_their_own():
    assert len(read_parts("stew with beef and turnips").foods) >= 2


def test_a_kind_stands_for_its_members():
    parts = read_parts("fish cake")
    assert any({"cod", "salmon"} <= group for group in parts.foods)


@given(text=st.text(max_size=60))
def test_any_text_can_be_taken_apart(text):
    parts = read_parts(text)
    assert all(parts.foods)


def query(english="apple cake", pantry=None):
    return Understood(language="en", english=english, spanish=None, pantry=pantry, filters=Filters(), translated=True)


def seen(semantic, lexical=None, coverage=None, pantry=None):
    semantic = np.asarray(semantic, dtype=np.float32)
    lexical = np.zeros_like(semantic) if lexical is None else np.asarray(lexical, dtype=np.float32)
    rankings = (
        Ranking(name="semantic", scores=semantic, floor=-np.inf),
        Ranking(name="lexical", scores=lexical),
    )
    return Seen(
        query=query(pantry=pantry), vector=np.ones(4, dtype=np.float32), documents=np.arange(len(semantic)), rankings=rankings,
        coverage=coverage, adapted=semantic,
    )  # fmt: skip


def fused(of, passed=None):
    size = len(of.adapted)
    return fuse(of.rankings, np.ones(size, dtype=bool) if passed is None else passed, size, of.coverage)


def ranking(seed=0):
    """A ranking that learned from noise: whatever it says, the promises below hold."""
    rng = np.random.default_rng(seed)
    groups = [
        Group(
            rows=rng.random((30, len(FEATURES)), dtype=np.float32),
            estimates=rng.random(30).astype(np.float32),
            weights=np.ones(30, dtype=np.float32),
        )
        for _ in range(10)
    ]
    return LearnedRanking(adapter=QueryAdapter(np.zeros((4, 4), dtype=np.float32)), trees=grow(groups, seed).trees, shelf=SHELF)  # fmt: skip


LEARNED = ranking()
SCORES = st.lists(st.floats(-1, 1, width=32), min_size=len(KITCHEN), max_size=len(KITCHEN))


@example(semantic=[0.0] * len(KITCHEN), lexical=[*[0.0] * (len(KITCHEN) - 2), 1e-45, -1.0], hidden=set())
@given(semantic=SCORES, lexical=SCORES, hidden=st.sets(st.integers(0, len(KITCHEN) - 1), max_size=8))
def test_what_filters_took_out_stays_out_and_scores_fall(semantic, lexical, hidden):
    passed = np.array([place not in hidden for place in range(len(KITCHEN))])
    look = seen(semantic, lexical)
    before = fused(look, passed)
    after, learned = LEARNED.rerank(look, before)
    assert sorted(after.documents) == sorted(before.documents)
    assert not hidden & set(after.documents.tolist())
    assert (np.diff(after.scores) <= 0).all()
    assert ((after.scores >= 0) & (after.scores <= 1)).all()
    assert np.allclose(np.sum(after.shares, axis=0), after.scores)
    assert len(after.shares) == len(after.ranks) == len(look.rankings) + 1
    assert learned.name == "learned"


@given(semantic=SCORES, had=st.lists(st.integers(0, 3), min_size=len(KITCHEN), max_size=len(KITCHEN)))
def test_with_a_pantry_more_of_the_things_stands_first(semantic, had):
    pantry = (frozenset({"egg"}), frozenset({"flour"}), frozenset({"milk"}))
    look = seen(semantic, coverage=np.array(had, dtype=np.float32) / np.float32(3), pantry=pantry)
    after, _ = LEARNED.rerank(look, fused(look))
    ordered = [had[document] for document in after.documents]
    assert ordered == sorted(had, reverse=True)
    assert np.allclose(np.sum(after.shares, axis=0), after.scores)


def test_features_of_a_recipe_do_not_depend_on_which_others_are_described():
    look = seen(np.linspace(0, 1, len(KITCHEN)), np.linspace(1, 0, len(KITCHEN)))
    whole, every = fused(look), np.arange(len(KITCHEN))
    among = candidates(look, whole)
    alone = features(look, whole, SHELF, among, np.array([3]))
    together = features(look, whole, SHELF, among, every)
    assert np.array_equal(alone[0], together[3])
    assert np.isfinite(together).all()


@pytest.mark.parametrize("name", ["recipe", "id", "user"])
def test_no_feature_names_a_recipe_or_a_user(name):
    assert name not in FEATURES
