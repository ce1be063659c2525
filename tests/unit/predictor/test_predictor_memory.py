"""Answers given again: the same to the letter, and nothing that might have turned out otherwise."""

import gc
from dataclasses import replace

import pytest

from mlops.recommendation import Ask, Filters
from predictor.answer_memory import AnswerMemory
from predictor.answers import recipes_json
from tests.fakes.recommender import fake_model

MILLION = 1 << 20
CHANGING = {"recommendation_id", "latency_ms", "timings_ms"}


def ask(world, query="chicken soup", **more):
    answered = world.post("/recommend", {"query": query, **more})
    assert answered.status_code == 200, answered.text
    return answered.json()


def remembered(world):
    return world.registry.get_sample_value("recipes_remembered_answers_total")


def keep(memory, served, ask):
    answer = served.recommender.recommend(ask)
    memory.keep(served, ask, memory.pack(answer, recipes_json(answer)), 0.1)


def test_the_same_question_has_the_same_answer_under_an_id_of_its_own(world):
    first, again = ask(world), ask(world)
    assert remembered(world) == 1
    assert {key: first[key] for key in first.keys() - CHANGING} == {key: again[key] for key in again.keys() - CHANGING}
    assert first["recommendation_id"] != again["recommendation_id"]
    assert again["timings_ms"] == {}


@pytest.mark.parametrize(
    "other",
    [{"k": 3}, {"language": "es"}, {"query": "chicken  soup"}, {"max_minutes": 20}],
    ids=lambda other: next(iter(other)),
)
def test_another_question_is_computed(world, other):
    ask(world)
    ask(world, **other)
    assert remembered(world) == 0


@pytest.mark.parametrize("query", ["nothing", "intraducible", "nothing intraducible"])
def test_an_answer_that_may_turn_out_otherwise_is_computed_anew(world, query):
    ask(world, query)
    ask(world, query)
    assert remembered(world) == 0


def test_another_version_answers_by_itself(world):
    ask(world)
    world.slot.swap(fake_model(version="2.0.0"))
    assert ask(world)["version"] == "2.0.0"
    assert remembered(world) == 0


def test_without_memory_everything_is_computed(make_world):
    world = make_world(remember_megabytes=0)
    ask(world)
    ask(world)
    assert remembered(world) == 0


def test_a_version_is_judged_by_what_computing_takes_not_by_its_memory(world):
    labels = {"route": "/recommend", "status": "200", "version": "1.0.0"}
    ask(world)
    computed = world.registry.get_sample_value("recipes_request_duration_seconds_sum", labels)
    ask(world)
    ask(world)
    assert remembered(world) == 2
    assert world.registry.get_sample_value("recipes_request_duration_seconds_count", labels) == 3
    judged = world.registry.get_sample_value("recipes_request_duration_seconds_sum", labels)
    assert judged == pytest.approx(3 * computed)
    assert world.registry.get_sample_value("recipes_embedding_duration_seconds_count") == 1, "of what was computed"


FILTERS = Filters(
    diets=frozenset({"vegan", "gluten-free"}),
    without_allergens=frozenset({"milk"}),
    without_ingredients=frozenset({"onion"}),
    max_minutes=30,
)


@pytest.mark.parametrize("filters", [Filters(), FILTERS], ids=["no filters", "filters"])
def test_what_is_remembered_is_the_answer_but_for_what_its_json_says(filters):
    memory, served, question = AnswerMemory(MILLION), fake_model(), Ask(text="sopa \U0001f372", filters=filters)
    answer = served.recommender.recommend(question)
    memory.keep(served, question, memory.pack(answer, recipes_json(answer)), 0.25)
    for _ in range(2):
        found = memory.find(served, question)
        lean = tuple(hit._replace(recipe={}, signals=()) for hit in answer.hits)
        assert found.answer == replace(answer, hits=lean, timings={})
        assert (found.recipes, found.seconds) == (recipes_json(answer), 0.25)
    assert memory.find(served, Ask(text="sopa", filters=filters)) is None


def test_the_collector_of_garbage_has_nothing_to_look_at_in_what_is_remembered():
    memory, served = AnswerMemory(10 * MILLION), fake_model()
    gc.collect()
    before = len(gc.get_objects())
    for number in range(500):
        keep(memory, served, Ask(text=f"soup {number}", filters=FILTERS))
    gc.collect()
    gc.collect()  # a tuple of tuples is let go of in a second look
    assert len(memory) == 500
    assert len(gc.get_objects()) - before < 100


def test_the_memory_has_a_bound_and_keeps_what_was_asked_last():
    memory, served = AnswerMemory(MILLION // 2), fake_model()
    asks = [Ask(text=f"soup {number}") for number in range(1000)]
    for each in asks:
        keep(memory, served, each)
        memory.find(served, asks[0])
    assert 100 < len(memory) < 999
    assert memory.find(served, asks[0]) is not None
    assert memory.find(served, asks[-1]) is not None
    assert memory.find(served, asks[1]) is None


def test_what_was_asked_for_again_outlives_any_number_that_come_once():
    memory, served = AnswerMemory(MILLION // 2), fake_model()
    known = [Ask(text=f"stew {number}") for number in range(50)]
    for each in known:
        keep(memory, served, each)
        memory.find(served, each)
    for number in range(2000):
        keep(memory, served, Ask(text=f"soup {number}"))
    assert [each.text for each in known if memory.find(served, each) is None] == []


def test_an_answer_larger_than_the_memory_is_forgotten():
    memory, served = AnswerMemory(100), fake_model()
    question = Ask(text="soup")
    keep(memory, served, question)
    assert memory.find(served, question) is None
