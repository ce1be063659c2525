"""From a row of whatever to a Recipe, or to the reasons why not."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.corpus.checks import Problem, RowChecks, derived_id, load_schema
from mlops.corpus.rows import BadRow, RawRow
from mlops.recipe import ALLERGENS, DIETS, DIFFICULTIES, SEASONS, Recipe

CHECKS = RowChecks.load()


def judged(**values) -> Recipe | BadRow:
    row = {"title": "Boiled egg", "ingredients": ["1 egg"], **values}
    return CHECKS.judge(RawRow(line=7, fields=row, raw=row))


def test_the_smallest_row_is_a_recipe():
    recipe = judged()
    assert recipe == Recipe(id=derived_id("Boiled egg", ["1 egg"]), title="Boiled egg", ingredients=("1 egg",))


def test_the_schema_documents_every_field_of_a_recipe_with_examples():
    schema = load_schema()
    assert set(schema["properties"]) == {field.name for field in fields(Recipe)}
    for name, rule in schema["properties"].items():
        assert rule["description"], name
        assert rule["examples"], name


def test_the_vocabularies_of_the_schema_are_those_of_the_code():
    properties = load_schema()["properties"]
    assert properties["difficulty"]["enum"] == list(DIFFICULTIES)
    for name, words in (("season", SEASONS), ("diets", DIETS), ("allergens", ALLERGENS)):
        assert properties[name]["items"]["enum"] == list(words)
        assert properties[name]["maxItems"] == len(words)


def test_the_examples_of_the_schema_pass_it():
    schema = load_schema()
    for example in schema["examples"]:
        assert CHECKS.problems(example) == []
    for name, rule in schema["properties"].items():
        for value in rule["examples"]:
            assert CHECKS.problems({**schema["examples"][-1], name: value}) == []


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"title": None}, "title", "is missing"),
        ({"ingredients": None}, "ingredients", "is missing"),
        ({"ingredients": []}, "ingredients", "has 0 items, at least 1 are needed"),
        ({"ingredients": "1 egg"}, "ingredients", "must be a list, not text"),
        ({"ingredients": ["1 egg", None]}, "ingredients[1]", "must be text, not null"),
        ({"ingredients": ["1 egg", 2]}, "ingredients[1]", "must be text, not the number 2"),
        ({"ingredients": ["1 egg", "  "]}, "ingredients[1]", "is blank"),
        ({"ingredients": ["x" * 501]}, "ingredients[0]", "has 501 characters, at most 500 are allowed"),
        ({"ingredients": ["x"] * 201}, "ingredients", "has 201 items, at most 200 are allowed"),
        ({"title": "x" * 301}, "title", "has 301 characters, at most 300 are allowed"),
        ({"title": 7}, "title", "must be text, not the number 7"),
        ({"title": {"en": "x"}}, "title", "must be text, not an object"),
        ({"title": "\u200b "}, "title", "is blank"),
        ({"title": "egg\x00"}, "title", "holds a control character, U+0000, at character 4"),
        ({"steps": ["\ud800"]}, "steps[0]", "holds half a surrogate pair, U+D800, at character 1"),
        ({"steps": ["x" * 5001]}, "steps[0]", "has 5,001 characters, at most 5,000 are allowed"),
        ({"minutes": -1}, "minutes", "is -1, at least 0 is needed"),
        ({"minutes": 10081}, "minutes", "is 10081, at most 10,080 is allowed"),
        ({"minutes": 12.5}, "minutes", "must be a whole number, not the number 12.5"),
        ({"minutes": float("inf")}, "minutes", "is inf, at most 10,080 is allowed"),
        ({"minutes": True}, "minutes", "must be a whole number, not true or false"),
        ({"minutes": "2 weeks"}, "minutes",
         "is '2 weeks', which cannot be read as a time; write minutes, 1 h 20 min or PT1H20M"),
        ({"servings": 0}, "servings", "is 0, at least 1 is needed"),
        ({"difficulty": "brutal"}, "difficulty", "is 'brutal', must be one of easy, medium, hard"),
        ({"diets": ["keto"]}, "diets[0]",
         "is 'keto', must be one of vegan, vegetarian, pescatarian, gluten-free, dairy-free"),
        ({"tags": ["t"] * 2 + [str(n) for n in range(50)]}, "tags", "has 51 items, at most 50 are allowed"),
        ({"cuisine": "   "}, "cuisine", "is blank"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_field_and_reason(values, field, reason):
    row = judged(**values)
    assert isinstance(row, BadRow)
    assert (row.line, row.field, row.reason) == (7, field, reason)


def test_every_fault_of_a_row_is_told_at_once():
    row = judged(title="", minutes="soon", difficulty="brutal")
    assert isinstance(row, BadRow)
    assert row.field == "title"
    assert [text.split()[0] for text in row.also] == ["minutes", "difficulty"]


def test_problems_are_paths_and_reasons():
    assert CHECKS.problems({"title": "x", "ingredients": ["a", ""]}) == [
        Problem("ingredients[1]", "is shorter than 1 characters")
    ]


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"title": "  Cre\u0300me\n brûlée "}, "title", "Crème brûlée"),
        ({"minutes": "1 h 20 min"}, "minutes", 80),
        ({"minutes": 45.0}, "minutes", 45),
        ({"minutes": float("nan")}, "minutes", None),
        ({"minutes": None}, "minutes", None),
        ({"servings": "4-6 personas"}, "servings", 4),
        ({"difficulty": "Fácil"}, "difficulty", "easy"),
        ({"season": ["invierno", "Spring", "winter"]}, "season", ("spring", "winter")),
        ({"diets": ["Gluten Free", "vegana"]}, "diets", DIETS),
        ({"diets": ["vegetarian"]}, "diets", ("vegetarian", "pescatarian")),
        ({"allergens": ["soja", "huevos", "egg"]}, "allergens", ("egg", "soy")),
        ({"tags": ["quick", "one-pot", "quick"]}, "tags", ("quick", "one-pot")),
        ({"ingredients": ["salt", "salt"]}, "ingredients", ("salt", "salt")),
        ({"cuisine": "West-African"}, "cuisine", "west-african"),
        ({"title": '=HYPERLINK("http://x")'}, "title", '=HYPERLINK("http://x")'),
    ],
)  # fmt: skip
def test_values_are_brought_to_one_form(values, field, expected):
    recipe = judged(**values)
    assert isinstance(recipe, Recipe), recipe
    assert getattr(recipe, field) == expected


def test_what_holds_milk_is_not_made_dairy_free_by_a_word_for_lactose():
    assert isinstance(judged(diets=["sin lactosa"]), BadRow)


@pytest.mark.parametrize(
    ("given_id", "kept"),
    [("rr-egg.1:2_3", "rr-egg.1:2_3"), (137739, "137739"), ("x" * 128, "x" * 128), ("  a1 ", "a1")],
)
def test_an_id_that_fits_is_kept(given_id, kept):
    assert judged(id=given_id).id == kept


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 129, "../etc", "é", True, 1.5, ["a"], {"a": 1}])
def test_an_id_that_does_not_fit_gives_way_to_one_from_the_content(given_id):
    assert judged(id=given_id).id == derived_id("Boiled egg", ["1 egg"])


def test_a_derived_id_is_the_same_for_other_case_accents_and_spacing_only():
    assert derived_id("Crème Brûlée", ["4 Eggs"]) == derived_id("creme  brulee", ["4 eggs"])
    assert derived_id("a", ["b", "c"]) != derived_id("a", ["b c"])
    assert derived_id("Boiled egg", ["1 egg"]) == "8dc28042645d673465a15145777fce01783cc7f8"


def test_a_value_nested_as_deep_as_json_can_bear_is_refused():
    deep = "x"
    for _ in range(5000):
        deep = [deep]
    row = judged(difficulty=deep)
    assert isinstance(row, BadRow)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([field.name for field in fields(Recipe)]), _JSON))
def test_whatever_a_row_holds_the_answer_is_a_recipe_or_a_reason(row):
    answer = CHECKS.judge(RawRow(line=1, fields=row, raw=row))
    if isinstance(answer, BadRow):
        assert answer.reason
    else:
        again = CHECKS.judge(RawRow(line=1, fields=answer.to_row(), raw=None))
        assert again == answer
        assert CHECKS.problems(json.loads(json.dumps(answer.to_row()))) == []
