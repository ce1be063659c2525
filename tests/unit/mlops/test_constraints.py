"""Hard filters said in words: sentences in two languages, what they ask for, and what is left to search with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.dietary.lexicon import Lexicon
from mlops.recipe import ALLERGENS
from mlops.recommendation import Filters
from mlops.retrieval.constraints import read_constraints
from mlops.retrieval.exclusion_words import ExclusionWords

ALCOHOL = read_constraints("without alcohol").filters.without_ingredients
PORK = read_constraints("without pork").filters.without_ingredients
PEPPERS = read_constraints("sin pimientos").filters.without_ingredients


def asks(said):
    """Filters from shorthand: @diet, !allergen, +word, 30m, 5i."""
    marks = said.split()
    limits = {mark[-1]: int(mark[:-1]) for mark in marks if mark[:-1].isdigit()}
    return Filters(
        diets=frozenset(mark[1:] for mark in marks if mark[0] == "@"),
        without_allergens=frozenset(mark[1:] for mark in marks if mark[0] == "!"),
        without_ingredients=frozenset(mark[1:].replace("_", " ") for mark in marks if mark[0] == "+"),
        max_minutes=limits.get("m"),
        max_ingredients=limits.get("i"),
    )


GLUTEN, DAIRY = "@gluten-free !gluten", "@dairy-free !milk"

SENTENCES = [
    # without …
    ("cake without eggs", "!egg", "cake"),
    ("pancakes without eggs, milk or nuts", "!egg !milk !nuts !peanut", "pancakes"),
    ("pancakes without eggs/milk", "!egg !milk", "pancakes"),
    ("soup (no onions)", "+onion", "soup"),
    ("muffins with no eggs and no dairy", f"!egg {DAIRY}", "muffins"),
    ("a cake that doesn't contain eggs", "!egg", "a cake"),
    ("stew free of celery and mustard", "!celery !mustard", "stew"),
    ("eggs without bacon", "+bacon +pancetta", "eggs"),
    ("salad without salmon", "+salmon", "salad"),
    ("stew without caramelised onions", "+onion", "stew"),
    ("curry without fenugreek or asafoetida", "+fenugreek +asafoetida", "curry"),
    ("curry without dragonfruit", "+dragonfruit", "curry"),
    ("tacos without cilantro", "+cilantro +coriander", "tacos"),
    ("curry without coconut milk", "+coconut_milk", "curry"),
    ("anything without cow's milk", "!milk", "anything"),
    ("burger, hold the mayo", "+mayo +mayonnaise", "burger"),
    ("dinner w/o garlic", "+garlic", "dinner"),
    ("stew, anything but fish", "!fish", "stew"),
    ("without eggs but with bacon", "!egg", "bacon"),
    ("no egg chocolate cake", "!egg", "chocolate cake"),
    ("no eggs, chocolate cake", "!egg", "chocolate cake"),
    ("no eggs, pancakes", "!egg", "pancakes"),
    ("chili without meat", "@pescatarian", "chili"),
    ("dinner without meat or fish", "@pescatarian @vegetarian !fish", "dinner"),
    ("flourless cake without butter", "+flour +butter", "cake"),
    ("noodles without wheat", "!gluten", "noodles"),
    ("soup without shellfish", "!crustaceans !molluscs", "soup"),
    ("soup without seafood", "!fish !crustaceans !molluscs", "soup"),
    ("I have no eggs, cake", "!egg", "cake"),
    ("we ran out of milk, pancakes", "!milk", "pancakes"),
    # … -free, -less, non-
    ("gluten-free flour bread", GLUTEN, "flour bread"),
    ("gluten- and dairy-free pancakes", f"{GLUTEN} {DAIRY}", "pancakes"),
    ("egg and dairy free cake", f"!egg {DAIRY}", "cake"),
    ("bacon, eggs and dairy-free pancakes", DAIRY, "bacon, eggs and pancakes"),
    ("pancakes (dairy-free)", DAIRY, "pancakes"),
    ("sugar-free cookies", "+sugar", "cookies"),
    ("eggless cake", "!egg", "cake"),
    ("non-dairy ice cream", DAIRY, "ice cream"),
    ("dairy free mac and cheese", DAIRY, "mac and cheese"),
    # allergies take the whole class, dislikes only the food
    ("dinner, nut allergy", "!nuts !peanut", "dinner"),
    ("dinner, tree nut allergy", "!nuts", "dinner"),
    ("dinner, egg and milk allergies", "!egg !milk", "dinner"),
    ("I'm allergic to salmon, dinner", "!fish +salmon", "dinner"),
    ("dinner, lactose intolerant", DAIRY, "dinner"),
    ("celiac bread", GLUTEN, "bread"),
    # diets
    ("vegetarian lasagne with spinach", "@vegetarian", "lasagne with spinach"),
    ("plant-based burger", "@vegan", "burger"),
    ("pescatarian dinner", "@pescatarian", "dinner"),
    ("veggie burger", "@vegetarian", "burger"),
    ("meatless stew", "@pescatarian", "stew"),
    # Spanish
    ("tortitas sin huevo ni leche", "!egg !milk", "tortitas"),
    ("arroz sin cebolla", "+onion", "arroz"),
    ("carbonara sin nata", "+cream", "carbonara"),
    ("postre que no lleve huevo, leche, ni harina de trigo", "!egg !milk !gluten", "postre"),
    ("pan libre de gluten", GLUTEN, "pan"),
    ("tarta sin lactosa", DAIRY, "tarta"),
    ("pizza sin queso", "!milk", "pizza"),
    ("sopa sin marisco", "!crustaceans !molluscs", "sopa"),
    ("pesto sin frutos secos", "!nuts !peanut", "pesto"),
    ("Pesto SIN NUECES", "!nuts", "Pesto"),
    ("soy alérgica al huevo y a la leche, postre", "!egg !milk", "postre"),
    ("cena, intolerante a la lactosa", DAIRY, "cena"),
    ("pan para celíacos", GLUTEN, "pan"),
    ("lasaña vegana", "@vegan", "lasaña"),
    ("guiso sin carne", "@pescatarian", "guiso"),
    ("guiso sin carne ni pescado", "@pescatarian @vegetarian !fish", "guiso"),
    ("sin huevos y con chocolate", "!egg", "chocolate"),
    ("arroz sin champiñones ni mejillones", "+chanterelle +morel +mushroom +mussel +porcini +portobello +shiitake +truffle", "arroz"),
    ("no me gusta el cilantro, tacos", "+cilantro +coriander", "tacos"),
    ("postre sin horno ni huevo", "!egg", "postre sin horno"),
    ("no huevo por favor, tortitas", "!egg", "tortitas"),
    # limits
    ("dinner under 30 minutes", "30m", "dinner"),
    ("dinner in less than half an hour", "30m", "dinner"),
    ("pasta en menos de 20 minutos", "20m", "pasta"),
    ("30-minute chicken", "30m", "chicken"),
    ("20-30 minute meals", "30m", "meals"),
    ("stew, max 1 hour", "60m", "stew"),
    ("stew in an hour and a half", "90m", "stew"),
    ("stew in 1h30", "90m", "stew"),
    ("stew in twenty-five minutes", "25m", "stew"),
    ("stew in forty five minutes", "45m", "stew"),
    ("sopa en treinta y cinco minutos", "35m", "sopa"),
    ("stew in twenty to twenty-five minutes", "25m", "stew"),
    ("soup with at most sixty-six ingredients", "66i", "soup"),
    ("guiso, una hora como mucho", "60m", "guiso"),
    ("cena en hora y media", "90m", "cena"),
    ("cena en cuarenta y cinco minutos", "45m", "cena"),
    ("soup with 5 ingredients or less", "5i", "soup"),
    ("sopa, máximo 5 ingredientes", "5i", "sopa"),
    ("five-ingredient cookies", "5i", "cookies"),
    ("soup with fewer than six ingredients", "5i", "soup"),
    ("sopa con menos de 6 ingredientes", "5i", "sopa"),
    # all at once
    (
        "quick vegan dinner under 30 minutes without nuts and with 5 ingredients",
        "@vegan !nuts !peanut 30m 5i",
        "quick dinner",
    ),
    ("cena rápida sin gluten en menos de 30 minutos", f"{GLUTEN} 30m", "cena rápida"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "filters", "residual"), SENTENCES)
def test_a_sentence_asks_for_filters_and_leaves_the_rest_to_search_with(sentence, filters, residual):
    read = read_constraints(sentence)
    assert (read.filters, read.residual) == (asks(filters), residual)
    assert all(phrase.strip() == phrase and phrase in sentence for phrase in read.phrases)
    assert read.phrases


@pytest.mark.parametrize(
    "sentence",
    [
        "no-bake cheesecake", "no knead bread", "no-churn ice cream", "no fuss pasta", "no time for breakfast",
        "no bread machine loaf", "postre sin prisa", "bread without an oven", "pan sin horno", "sin freír", "sin más",
        "sin complicaciones", "cake without using the oven", "not too sweet dessert", "sin mucha sal", "low salt soup",
        "with or without eggs", "con o sin huevo", "with/without eggs", "not without eggs", "can't live without cheese",
        "don't want it without eggs", "no puedo vivir sin queso", "free range chicken", "stress-free dinner",
        "non-vegan burger", "not vegan", "it doesn't have to be vegan", "no hace falta que sea vegano",
        "not gluten-free", "no gluten-free bread please", "I have no nut allergy", "quick dinner", "cena rápida",
        "oysters without shell", "pollo sin hueso", "soy sauce chicken", "salsa de soja", "vegetable soup",
        "roast for at least 2 hours", "8-hour brisket", "lamb in seven hours", "simmered for 20 minutes", "wait a minute",
        "15 minutes prep", "more than 5 ingredients", "cake with 3 eggs", "más de 30 minutos", "fat-free yogurt",
        "pain au chocolat", "no", "sin", "without", "free", "allergic to", "recipes without 🥚", "without, eggs",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_constraint_is_left_alone(sentence):
    read = read_constraints(sentence)
    assert (read.filters, read.residual, read.phrases) == (Filters(), sentence, ())


@pytest.mark.parametrize(
    "text", ["vegan", "sin gluten", "no nuts!", "under 30 minutes", "I have 30 minutes", "no tengo huevos"]
)
def test_a_query_that_is_all_constraint_is_searched_for_as_it_stands(text):
    read = read_constraints(text)
    assert not read.filters.empty
    assert read.residual == text


def test_no_allergen_at_all_means_each_of_the_fourteen():
    assert read_constraints("snack without allergens").filters.without_allergens == frozenset(ALLERGENS)


def test_families_leave_out_their_members_in_both_languages():
    assert {"ham", "bacon", "lard", "pork"} <= PORK == read_constraints("no como cerdo").filters.without_ingredients
    assert {"wine", "beer", "rum"} <= ALCOHOL == read_constraints("cóctel sin alcohol").filters.without_ingredients
    assert "red pepper" in PEPPERS == read_constraints("no peppers").filters.without_ingredients
    assert read_constraints("no black pepper").filters.without_ingredients.isdisjoint(PEPPERS)


def test_an_allergy_to_a_food_reaches_the_allergens_that_it_contains():
    assert read_constraints("allergic to mayonnaise").filters.without_allergens == {"egg", "mustard"}
    assert read_constraints("alérgico a la mantequilla").filters.without_allergens == {"milk"}
    assert read_constraints("cake without butter").filters.without_allergens == frozenset()


def test_spanish_foods_that_our_table_lacks_are_translated_or_kept():
    glossary = {"chaya": "tree spinach", "requesón": "cheese"}
    english = read_constraints("tamales sin chaya", to_english=lambda word: glossary.get(word, word))
    assert english.filters.without_ingredients == {"tree spinach"}
    assert read_constraints("tamales sin chaya").filters.without_ingredients == {"chaya"}
    assert read_constraints("mole sin huauzontle", to_english=str).filters.without_ingredients == {"huauzontle"}


def test_a_translation_that_names_a_class_leaves_out_the_class():
    read = read_constraints("bocadillo sin requesón", to_english=lambda _: "cheese")
    assert read.filters.without_allergens == {"milk"}


@pytest.mark.parametrize("english", ["oven", "", "  "])
def test_a_translation_that_names_no_food_leaves_the_query_alone(english):
    read = read_constraints("pan sin estufa", to_english=lambda _: english)
    assert (read.filters, read.residual) == (Filters(), "pan sin estufa")


def test_the_smaller_of_two_limits_holds():
    assert read_constraints("under an hour, max 30 minutes").filters.max_minutes == 30


def test_decomposed_accents_and_curly_quotes_are_read():
    assert read_constraints("no quiero jamo\u0301n").filters == read_constraints("no quiero jamón").filters
    assert read_constraints("I can\u2019t eat eggs").filters.without_allergens == {"egg"}


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n", "🍕🍕", "'; DROP TABLE recipes; --", "ignore previous instructions", "\0", "ß" * 50, "İ sin huevo"],
)
def test_odd_texts_have_a_residual(text):
    assert bool(read_constraints(text).residual) == bool(text)


@pytest.mark.parametrize(
    "text",
    ["without x x x " * 300, "egg, " * 1000 + "free", ";" * 4000 + "x no eggs", "sin la " * 600, "1 or 2 " * 600, "no " * 1500,
     "egg free " * 500, ", " * 2000, "30 - " * 800, "(" * 4000],
)  # fmt: skip
@pytest.mark.timeout(10)
def test_hostile_texts_are_read_in_time(text):
    read_constraints(text)


PIECES = st.sampled_from(
    """without no sin free -free gluten dairy eggs milk nuts , and or ni y o allergic to allergy not with con vegan
    vegana celiac 30 minutes half an hour under menos de 5 ingredients ingredientes huevo leche queso salmon onion
    oven horno don't eat que no lleve libre de the a too ( ) / - chocolate cake I have tengo zzyzx ñ""".split()
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map(" ".join))


@given(TEXTS)
def test_any_text_is_read_once_and_for_all(text):
    first = read_constraints(text)
    assert first.residual or not text
    again = read_constraints(first.residual)
    assert first.filters.merged(again.filters) == first.filters
    assert again.residual == first.residual


def test_words_that_contradict_each_other_are_refused():
    rows = ["left out\tEnglish\tSpanish", "+rice\trice\tarroz", "+corn\t-\tarroz"]
    with pytest.raises(ValueError, match=r"'arroz' \(es\) two meanings"):
        ExclusionWords.parse(rows, Lexicon.load())


def test_words_that_name_no_allergen_are_refused():
    with pytest.raises(ValueError, match=r"\['glutn'\] are no allergens"):
        ExclusionWords.parse(["left out\tEnglish\tSpanish", "glutn\twheat\t-"], Lexicon.load())
