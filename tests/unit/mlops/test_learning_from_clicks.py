"""What clicks say: of whom, at which place, of which recipe, and whether they mean anything."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.learning.judgements import Judgement, judgements
from mlops.learning.learner import FOLDS, folds_of
from mlops.learning.position import PRIOR_MEAN, Exposure, estimate
from mlops.learning.preference import preferences
from mlops.learning.sessions import Session
from mlops.learning.trust import trusted
from mlops.learning.verdict import Policy, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)
RECIPES = tuple(f"r{number}" for number in range(10))


def session(liked, *, who="jane", query="soup", shown=RECIPES, minute=0):
    return Session(
        at=START + timedelta(minutes=minute), session=who, who=who, language="en", query=query, shown=tuple(shown),
        liked=frozenset(liked),
    )  # fmt: skip


def people(number, clicks=("r0", "r3")):
    return [session(clicks, who=f"p{place}") for place in range(number)]


def test_people_are_trusted():
    found = trusted(people(50))
    assert (len(found.sessions), found.left_out, found.notes) == (50, 0, ())


def test_who_clicks_everything_is_left_out_and_told_of():
    found = trusted([*people(50), *(session(RECIPES, who="bot") for _ in range(30))])
    assert (len(found.sessions), found.left_out) == (50, 30)
    assert found.notes == (
        "1 visitors clicked more than 60% of what they were shown, as automatons do: 30 sessions left out",
    )


def test_one_click_on_a_single_recipe_makes_no_automaton():
    assert trusted([session(["r0"], shown=["r0"])]).left_out == 0


def test_who_makes_most_of_the_clicks_is_left_out():
    flood = [session(["r1"], who="flood", minute=minute) for minute in range(300)]
    found = trusted([*people(50), *flood])
    assert (len(found.sessions), found.left_out) == (50, 300)
    assert "made more than 10% of all clicks" in found.notes[0]


def test_a_laptop_with_one_user_may_learn():
    alone = [session(["r1"], who="me", minute=minute) for minute in range(300)]
    assert trusted(alone).left_out == 0


@pytest.mark.parametrize(
    ("queries", "untrusted", "said"),
    [
        (49, 0.0, "49 distinct queries with clicks < 50"),
        (0, 0.0, "0 distinct queries"),
        (50, 0.0, None),
        (500, 0.51, "51% of the sessions are no people's > 50%"),
    ],
)
def test_what_is_refused_before_any_training(queries, untrusted, said):
    no = refusal(queries, untrusted, Policy())
    assert no is None if said is None else said in no


def clicks_by_place(eta, *, seed=1, visits=4_000):
    """Three recipes of different relevance, shown in any order, clicked as the exponent says."""
    rng = random.Random(seed)  # noqa: S311 - clicks, not secrets
    relevance = {"a": 0.7, "b": 0.4, "c": 0.2}
    visited = []
    for _ in range(visits):
        shown = rng.sample([*relevance, *RECIPES[:5]], 8)
        liked = [r for place, r in enumerate(shown, 1) if rng.random() < relevance.get(r, 0.0) * place**-eta]
        visited.append(session(liked, shown=shown))
    return visited


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_the_exponent_of_a_click_model_is_found_again(eta):
    assert estimate(clicks_by_place(eta)).eta == pytest.approx(eta, abs=0.12)


def test_without_a_recipe_that_moved_the_prior_holds():
    assert estimate(people(50)) == Exposure(eta=PRIOR_MEAN, moved=0)


def test_a_click_far_down_says_more_than_one_at_the_top():
    judged = judgements(people(10), Exposure(eta=1.0, moved=0), lambda each: each.query)["soup"]
    assert judged["r3"].estimate > judged["r0"].estimate > judged["r1"].estimate == 0
    assert judged["r0"].exposure == pytest.approx(10)
    assert judged["r3"].exposure == pytest.approx(2.5)


@given(clicks=st.integers(0, 100), more=st.floats(0, 1000))
def test_an_estimate_is_a_share_of_looks(clicks, more):
    estimate = Judgement(exposure=clicks + more, clicks=clicks).estimate
    assert 0 <= estimate <= 1
    assert (estimate > 0) == (clicks > 0)


def fit(_session):
    """The lower the number of a recipe, the better it fits."""
    return {recipe: -float(recipe[1:]) for recipe in RECIPES}


def shuffled(choose, visits=300, seed=3):
    rng = random.Random(seed)  # noqa: S311 - clicks, not secrets
    visited = []
    for number in range(visits):
        shown = rng.sample(RECIPES, len(RECIPES))
        visited.append(session(choose(rng, shown), shown=shown, query=f"q{number % 20}"))
    return visited


def mean_preference(visited):
    found = preferences(visited, fit, lambda each: each.query)
    assert len(found) == 20
    return sum(found.values()) / len(found)


def test_clicks_on_what_fits_are_a_preference():
    assert mean_preference(shuffled(lambda _, shown: [min(shown, key=lambda r: int(r[1:]))])) > 0.4


def test_clicks_at_random_are_none():
    assert mean_preference(shuffled(lambda rng, shown: rng.sample(shown, 2))) == pytest.approx(0, abs=0.03)


def test_the_habit_of_clicking_the_first_is_none():
    assert mean_preference(shuffled(lambda _, shown: [shown[0]])) == pytest.approx(0, abs=0.05)


def test_clicks_on_what_does_not_fit_are_the_opposite():
    assert mean_preference(shuffled(lambda _, shown: [max(shown, key=lambda r: int(r[1:]))])) < -0.4


@given(meanings=st.sets(st.text(max_size=4), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_meanings_are_dealt_evenly_and_by_seed(meanings, seed):
    folds = folds_of(meanings, seed)
    assert folds == folds_of(sorted(meanings, reverse=True), seed)
    sizes = [list(folds.values()).count(fold) for fold in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1
