"""What somebody has at home: the groups that a query names, and what a word for a kind stands for."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.retrieval.pantry import expand, read_pantry

QUERIES = Path(__file__).parents[4] / "shared/data/dev_queries.jsonl.gz"

SENTENCES = [
    ("I have eggs, orange and peaches, plums or pears", [["eggs"], ["orange"], ["peaches", "plums", "pears"]], ""),
    ("I have apples, peaches, plums or pears and pork or ham",
     [["apples"], ["peaches", "plums", "pears"], ["pork", "ham"]], ""),
    ("dish using eggs, raisins, dates or figs, walnuts or other nuts",
     [["eggs"], ["raisins", "dates", "figs"], ["walnuts", "nuts"]], ""),
    ("what can I cook with lemon, mushrooms or truffles and pork or ham",
     [["lemon"], ["mushrooms", "truffles"], ["pork", "ham"]], ""),
    ("what can I make with a can of tuna, rice & peas in the air fryer?",
     [["tuna"], ["rice"], ["peas"]], "in the air fryer?"),
    ("I've got 2 eggs and some leftover ham for breakfast", [["eggs"], ["ham"]], "for breakfast"),
    ("all I have is rice/pasta and eggs", [["rice", "pasta"], ["eggs"]], ""),
    ("using up stale bread", [["stale bread"]], ""),
    ("leftover turkey", [["turkey"]], ""),
    ("pasta using fresh tomatoes", [["tomatoes"]], "pasta"),
    ("what can I cook? I have eggs and ham", [["eggs"], ["ham"]], "what can I cook?"),
    ("tengo 2 huevos y un poco de arroz, ¿qué puedo cocinar?", [["huevos"], ["arroz"]], "¿qué puedo cocinar?"),
    ("tengo manzanas, melocotones, ciruelas o peras y cerdo o jamón",
     [["manzanas"], ["melocotones", "ciruelas", "peras"], ["cerdo", "jamón"]], ""),
    ("plato con huevos y nueces u otros frutos secos", [["huevos"], ["nueces", "frutos secos"]], ""),
    ("qué puedo hacer con carne de vaca y pan", [["carne de vaca"], ["pan"]], ""),
    ("me sobran patatas", [["patatas"]], ""),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "groups", "residual"), SENTENCES)
def test_a_sentence_names_groups_of_alternatives(sentence, groups, residual):
    pantry = read_pantry(sentence)
    assert pantry is not None
    assert (pantry.groups, pantry.residual) == (tuple(tuple(group) for group in groups), residual)


@pytest.mark.parametrize(
    "sentence",
    ["salad with veal", "recipe for a sauce made with fish", "receta de salsa hecha con pescado", "I have guests tonight",
     "I have no idea", "tengo invitados", "I have", "tengo", "", " ", "🍕", "chocolate cake", "I have an oven"],
)  # fmt: skip
def test_other_sentences_name_none(sentence):
    assert read_pantry(sentence) is None


@pytest.mark.shared_data
@pytest.mark.skipif(not QUERIES.exists(), reason=f"{QUERIES} is not there: it lies beside the repository, not in it")
def test_every_fridge_query_has_three_groups_in_either_language_and_no_other_query_has_any():
    with gzip.open(QUERIES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        for text in (row["text_en"], row["text_es"]):
            pantry = read_pantry(text)
            assert (0 if pantry is None else len(pantry.groups)) == (3 if row["kind"] == "fridge" else 0), text


@given(st.one_of(st.text(max_size=80), st.text(max_size=40).map("I have ".__add__)))
def test_any_text_is_read_and_no_group_is_empty(text):
    pantry = read_pantry(text)
    assert pantry is None or (pantry.groups and all(food.strip() for group in pantry.groups for food in group))


@pytest.mark.parametrize(
    ("word", "members"),
    [
        ("fish", "fish salmon cod trout herring"),
        ("nuts", "nuts almond hazelnut walnut pistachio"),
        ("meat", "meat beef pork lamb chicken"),
        ("cheese", "cheese feta parmesan cheddar"),
        ("beans", "beans cannellini haricot fava"),
        ("berries", "berries strawberry raspberry"),
        ("pasta", "pasta spaghetti macaroni penne"),
        ("greens", "spinach kale chard"),
        ("shellfish", "shellfish prawn mussel"),
        ("courgettes", "courgettes zucchini"),
        ("coriander", "coriander cilantro"),
    ],
)
def test_a_kind_stands_for_its_members_and_a_word_for_its_synonyms(word, members):
    assert frozenset(members.split()) <= expand(word)


@pytest.mark.parametrize("word", ["walnuts", "pork", "salmon", "zzyzx", "", "ñ"])
def test_a_food_stands_for_itself(word):
    assert expand(word) == {word}


def test_greens_are_not_every_green_thing_and_no_nut_is_a_sweet():
    assert expand("greens").isdisjoint({"green", "greens"})
    assert expand("nuts").isdisjoint({"marzipan", "nougat", "orgeat"})
