"""What a person in a hurry sees in a list of ingredients: plain words, and a few phrases that only look like them.

Written without a look at `mlops.dietary`, which the product filters with, so that the one can judge the other. It reads
titles and ingredients, knows no declarations, and when a word is unclear ("broth") it takes it for the worse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.recipe import Recipe
    from mlops.recommendation import Filters

# Phrases that hold a word of the lists below and do not mean it; "butter the size of a walnut" is a measure.
_HARMLESS = re.compile(
    r"egg[ -]plants?|size of (?:an? )?(?:\w+ )?(?:egg|walnut|hazelnut|nut|almond)s?"
    r"|(?:coconut|almond|oat|soya?|rice|tiger nut) (?:milk|cream|drink|butter)|cream of (?:tartar|coconut)"
    r"|(?:peanut|cocoa|cacao|apple|almond|nut|shea) butter|butter (?:beans?|lettuce|nut)"
    r"|(?:rice|corn|potato|almond|chickpea|buckwheat|maize|tapioca|cassava) (?:flour|noodles?|vermicelli|paper|semolina)"
    r"|ginger (?:ale|beer)|kidney beans?|lambs?'?s? lettuce|(?:vegetable|rice) (?:marrow|stock|broth|bouillon)s?"
    r"|(?:nut|coconut|walnut|almond) ?meats?|sweet ?meats?|oyster (?:plants?|mushrooms?)|crab[ -]?apples?"
    r"|wine vinegar|goose ?berr(?:y|ies)|mustard (?:greens|fruit)|gluten[ -]free [\w-]+|dough ?nuts?|nut ?megs?"
)

_MEAT = """beef pork ham hams bacon veal mutton lamb chicken chickens hen hens capon capons turkey duck duckling goose
    hare rabbit venison sausage sausages lard suet tongue kidney kidneys liver livers meat meats gelatin gelatine tripe
    pheasant partridge partridges pigeon pigeons squab squabs quail quails snipe grouse calf calf's calves sweetbread
    sweetbreads brains oxtail steak giblets stock broth bouillon consomme consommé gravy chorizo salami prosciutto
    poultry fowl fowls drippings marrow-bone isinglass frankfurters bologna"""
_FISH = """fish salmon cod codfish tuna tunny anchovy anchovies herring herrings trout haddock sole halibut mackerel
    sardine sardines eel eels caviar pike perch carp turbot sturgeon whiting smelt smelts shad bass hake roe"""
_CRUSTACEANS = "shrimp shrimps prawn prawns crab crabs lobster lobsters crayfish crawfish langoustine crabmeat"
_MOLLUSCS = (
    """oyster oysters clam clams mussel mussels scallop scallops squid snail snails octopus cuttlefish cockles"""
)
_MILK = """milk buttermilk butter cream cheese cheeses yogurt yoghurt custard parmesan ghee whey curd curds gruyere
    mascarpone ricotta cheddar"""
_EGG = "egg eggs yolk yolks mayonnaise meringue meringues eggwhites"
_GLUTEN = """flour bread breads breadcrumbs wheat barley rye pasta macaroni noodle noodles spaghetti vermicelli cracker
    crackers crumbs semolina beer ale toast biscuit biscuits pastry oats oatmeal couscous farina ladyfingers croutons
    rusk rusks roll rolls bun buns"""

_ALLERGENS = {
    "egg": _EGG,
    "milk": _MILK,
    "gluten": _GLUTEN,
    "nuts": """almond almonds walnut walnuts hazelnut hazelnuts pecan pecans pistachio pistachios cashew cashews filbert
        filberts nut nuts marzipan praline macaroons""",
    "peanut": "peanut peanuts groundnut groundnuts",
    "fish": _FISH,
    "crustaceans": _CRUSTACEANS,
    "molluscs": _MOLLUSCS,
    "mustard": "mustard",
    "celery": "celery celeriac",
}
_DIETS = {
    "vegetarian": f"{_MEAT} {_FISH} {_CRUSTACEANS} {_MOLLUSCS}",
    "vegan": f"{_MEAT} {_FISH} {_CRUSTACEANS} {_MOLLUSCS} {_MILK} {_EGG} honey",
    "gluten-free": _GLUTEN,
    "dairy-free": _MILK,
}


def naive_violations(recipe: Recipe, filters: Filters) -> Iterator[str]:
    """Yield what in `recipe` breaks `filters` at first sight; an empty iterator where nothing does."""
    text = " ; ".join((recipe.title, *recipe.ingredients)).lower()
    words = set(re.findall(r"[\w'é-]+", _HARMLESS.sub(" ", text).replace("-", " ")))
    for allergen in sorted(filters.without_allergens):
        yield from _named(allergen, words & set(_ALLERGENS[allergen].split()))
    for diet in sorted(filters.diets):
        yield from _named(diet, words & set(_DIETS[diet].split()))
    for word in sorted(filters.without_ingredients):
        yield from _named(word, words & {word, f"{word}s", f"{word}es"})
    if filters.max_ingredients is not None and len(recipe.ingredients) > filters.max_ingredients:
        yield f"{len(recipe.ingredients)} ingredients > {filters.max_ingredients}"
    if filters.max_minutes is not None and (recipe.minutes is None or recipe.minutes > filters.max_minutes):
        yield f"{recipe.minutes} minutes > {filters.max_minutes}"


def _named(rule: str, found: set[str]) -> Iterator[str]:
    if found:
        yield f"{rule}: {', '.join(sorted(found))}"
