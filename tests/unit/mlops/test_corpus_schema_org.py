"""Recipes as web pages declare them."""

import json

import pytest

from mlops.corpus.checks import RowChecks
from mlops.corpus.readers import reading
from mlops.corpus.rows import BadRow, Limits, RawRow
from mlops.corpus.schema_org import is_linked_data, recipes_in


def node(**values):
    return {"@type": "Recipe", "name": "Soup", "recipeIngredient": ["1 leek"], **values}


def fields(**values):
    [(_, found)] = recipes_in(node(**values))
    return found


def test_a_whole_recipe_is_mapped():
    assert fields(
        recipeInstructions=[{"@type": "HowToStep", "text": "Simmer."}],
        totalTime="PT1H20M",
        recipeYield="4 servings",
        recipeCuisine="French",
        recipeCategory=["Soup", "Starter"],
        keywords="leek, easy",
        suitableForDiet=["https://schema.org/VeganDiet", "http://schema.org/LowFatDiet"],
        url="https://example.org/soup",
        license="https://creativecommons.org/licenses/by/4.0/",
    ) == {
        "title": "Soup",
        "ingredients": ["1 leek"],
        "steps": ["Simmer."],
        "minutes": 80,
        "servings": 4,
        "cuisine": "French",
        "course": "Soup",
        "diets": ["vegan", "vegetarian", "pescatarian", "dairy-free"],
        "tags": ["leek", "easy", "Starter", "low fat"],
        "source": "https://example.org/soup",
        "license": "https://creativecommons.org/licenses/by/4.0/",
    }


@pytest.mark.parametrize(
    "document",
    [
        node(),
        [{"@type": "WebSite"}, node()],
        {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, node()]},
        {"@graph": [{"@graph": [node()]}]},
        {"@type": "WebPage", "mainEntity": node()},
        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": node()}]},
        node(**{"@type": ["Thing", "Recipe"]}),
        node(**{"@type": "http://schema.org/Recipe"}),
        node(**{"@type": "schema:Recipe"}),
    ],
)
def test_a_recipe_is_found_wherever_the_page_puts_it(document):
    [(_, found)] = recipes_in(document)
    assert found == {"title": "Soup", "ingredients": ["1 leek"]}
    assert is_linked_data(document)


def test_several_recipes_keep_their_order():
    document = {"@graph": [node(name="A"), {"@type": "Person"}, node(name="B")]}
    assert [found["title"] for _, found in recipes_in(document)] == ["A", "B"]


@pytest.mark.parametrize(
    "instructions",
    [
        "Chop.\nFry.",
        "<p>Chop.</p><p>Fry.</p>",
        "<ol><li>Chop.</li><li>Fry.</li></ol>",
        "&lt;p&gt;Chop.&lt;/p&gt;Fry.",
        ["Chop.", "Fry."],
        [{"@type": "HowToStep", "text": "Chop."}, {"@type": "HowToStep", "name": "Fry."}],
        [{"@type": "HowToSection", "name": "All", "itemListElement": [{"text": "Chop."}, {"text": "Fry."}]}],
        {"@type": "ItemList", "itemListElement": [{"item": {"text": "Chop."}}, "Fry."]},
        [{"@type": "HowToStep", "itemListElement": [{"@type": "HowToDirection", "text": "Chop."}]}, "Fry."],
        [{"@value": "Chop.", "@language": "en"}, "Fry."],
    ],
)
def test_instructions_are_read_in_every_shape(instructions):
    assert fields(recipeInstructions=instructions)["steps"] == ["Chop.", "Fry."]


@pytest.mark.parametrize(
    ("times", "minutes"),
    [
        ({"totalTime": "PT45M", "cookTime": "PT30M"}, 45),
        ({"prepTime": "PT10M", "cookTime": "PT30M"}, 40),
        ({"cookTime": "PT30M"}, 30),
        ({"totalTime": "PT0M", "cookTime": "PT30M"}, 30),
        ({"totalTime": "PT0M"}, None),
        ({"totalTime": "45 minutes"}, 45),
        ({"totalTime": "P0DT1H30M"}, 90),
        ({"totalTime": "a while"}, "a while"),
        ({"prepTime": "PT10M", "cookTime": "a while"}, "a while"),
    ],
)
def test_times_are_added_up_and_nonsense_is_kept_to_be_refused(times, minutes):
    assert fields(**times).get("minutes") == minutes


@pytest.mark.parametrize(
    ("made", "servings"),
    [
        ("4", 4),
        (4, 4),
        (["4", "4 bowls"], 4),
        (["1 loaf", "8 servings"], 8),
        ("1 loaf", None),
        (True, None),
        ({}, None),
    ],
)
def test_a_yield_is_servings_only_where_it_says_people(made, servings):
    assert fields(recipeYield=made).get("servings") == servings


def test_entities_and_markup_are_taken_out_of_names():
    found = fields(name="Mac &amp;amp; <b>Cheese</b>", recipeIngredient=["1&nbsp;cup", "&frac12; egg &lt; 60 g"])
    assert found["title"] == "Mac & Cheese"
    assert found["ingredients"] == ["1\u00a0cup", "½ egg < 60 g"]


def test_low_lactose_is_not_dairy_free():
    found = fields(suitableForDiet="https://schema.org/LowLactoseDiet")
    assert "diets" not in found
    assert found["tags"] == ["low lactose"]


def test_the_address_of_a_node_is_no_id():
    assert "id" not in fields(**{"@id": "recipe"})


def test_parts_that_are_only_named_are_looked_up():
    document = {
        "@graph": [node(recipeInstructions=[{"@id": "#1"}]), {"@id": "#1", "@type": "HowToStep", "text": "Fry."}]
    }
    [(_, found)] = recipes_in(document)
    assert found["steps"] == ["Fry."]


def test_sections_that_contain_each_other_come_to_an_end():
    def section(name, other):
        return {"@id": name, "@type": "HowToSection", "itemListElement": [{"@id": other}] * 1000 + [f"In {name}."]}

    document = {"@graph": [node(recipeInstructions=[{"@id": "a"}]), section("a", "b"), section("b", "a")]}
    [(_, found)] = recipes_in(document)
    assert found["steps"] == ["In b.", "In a."]


def test_steps_nested_beyond_reason_are_refused_and_not_followed():
    deep = "x"
    for _ in range(50):
        deep = {"itemListElement": [deep]}
    raw = node(recipeInstructions=deep)
    [(_, found)] = recipes_in(raw)
    row = RowChecks.load().judge(RawRow(line=1, fields=found, raw=raw))
    assert isinstance(row, BadRow)
    assert row.field == "steps[0]"


@pytest.mark.parametrize("value", [None, 7, True, "x", [], {}, [[]], [{}], [None], {"@id": "nowhere"}, {"name": 3}])
@pytest.mark.parametrize(
    "key",
    ["name", "recipeIngredient", "recipeInstructions", "totalTime", "recipeYield", "recipeCuisine", "keywords",
     "suitableForDiet", "url", "@type"],
)  # fmt: skip
def test_any_value_anywhere_is_mapped_or_left_to_the_check(key, value):
    recipes_in({"@graph": [node(), {**node(), key: value}]})


def page(*scripts, head=""):
    blocks = "".join(f'<script type="application/ld+json">{script}</script>\n' for script in scripts)
    return f"<!doctype html>\n<html>{head}\n{blocks}<body><script>var x = '<Recipe>';</script></body></html>"


def rows_of_page(tmp_path, text):
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    with reading(path, Limits()) as opened:
        return list(opened.rows)


def test_every_block_of_a_page_is_read_and_numbered(tmp_path):
    rows = rows_of_page(
        tmp_path, page(json.dumps({"@type": "WebSite"}), json.dumps(node()), json.dumps([node(name="B")]))
    )
    assert [(row.line, row.fields["title"]) for row in rows] == [(4, "Soup"), (5, "B")]


@pytest.mark.parametrize(
    "script",
    [
        "<!-- {} -->",
        "//<![CDATA[\n{}\n//]]>",
        "\n\n  {}  \n",
    ],
)
def test_what_scripts_are_wrapped_in_is_taken_off(tmp_path, script):
    [row] = rows_of_page(tmp_path, page(script.replace("{}", json.dumps(node()))))
    assert row.fields["title"] == "Soup"


def test_line_breaks_inside_texts_are_forgiven_in_pages(tmp_path):
    [row] = rows_of_page(tmp_path, page('{"@type": "Recipe", "name": "Leek\nsoup", "recipeIngredient": ["1 leek"]}'))
    assert row.fields["title"] == "Leek\nsoup"


def test_a_broken_block_is_a_bad_row_and_the_others_are_read(tmp_path):
    bad, good = rows_of_page(tmp_path, page('{"@type": "Recipe", }', json.dumps(node())))
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith("the linked data is not JSON")
    assert good.fields["title"] == "Soup"


def test_xhtml_is_read_without_a_warning(tmp_path):
    [row] = rows_of_page(tmp_path, '<?xml version="1.0"?>' + page(json.dumps(node())))
    assert row.fields["title"] == "Soup"


def test_a_page_nested_beyond_reason_is_read(tmp_path):
    [row] = rows_of_page(tmp_path, "<div>" * 100_000 + page(json.dumps(node())))
    assert row.fields["title"] == "Soup"
