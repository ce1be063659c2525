"""Recipes as web pages declare them: schema.org Recipe in JSON-LD, mapped to our field names.

Vocabulary: https://schema.org/Recipe. Only mapping is done here; what a field may hold is judged in `checks`.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from mlops.corpus.quantities import minutes_of, servings_of
from mlops.corpus.vocabulary import with_implied
from mlops.recipe import DIETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIETS = {
    "VeganDiet": "vegan",
    "VegetarianDiet": "vegetarian",
    "GlutenFreeDiet": "gluten-free",
}  # LowLactoseDiet is not dairy-free; it becomes a tag, as does every diet that we do not filter by
_DEEPEST = 8
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BREAKING_TAG = re.compile(r"</?(?:p|br|li|ol|ul|div|h[1-6]|tr)\b[^<>]*>", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def is_linked_data(value: Any) -> bool:
    """True for what speaks schema.org's language rather than ours."""
    if isinstance(value, list):
        return any(is_linked_data(item) for item in value if isinstance(item, dict))
    return isinstance(value, dict) and any(key in value for key in ("@context", "@graph", "@type"))


def recipes_in(document: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every node of type Recipe in `document` with its fields under our names, however the page nests its graph."""
    nodes = list(_nodes(document))
    parts = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    return [(node, _fields_of(node, parts)) for node in nodes if "Recipe" in _types(node)]


def _fields_of(node: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Map one Recipe node. `@id` is no id of ours: many sites call every recipe of theirs `#recipe`."""
    cuisines, courses = _words(node.get("recipeCuisine")), _words(node.get("recipeCategory"))
    diets, other_diets = _diets(node.get("suitableForDiet"))
    fields = {
        "title": _first(node.get("name"), node.get("headline")),
        "ingredients": list(_lines(node.get("recipeIngredient", node.get("ingredients")), parts, set())),
        "steps": list(_lines(node.get("recipeInstructions", node.get("step")), parts, set())),
        "minutes": _minutes(node),
        "servings": _servings(node.get("recipeYield", node.get("yield"))),
        "cuisine": next(iter(cuisines), None),
        "course": next(iter(courses), None),
        "diets": diets,
        "tags": list(dict.fromkeys([*_words(node.get("keywords")), *cuisines[1:], *courses[1:], *other_diets])),
        "source": _first(node.get("url"), node.get("publisher"), node.get("author")),
        "license": _first(node.get("license")),
    }
    return {field: value for field, value in fields.items() if value not in (None, "", [])}


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every object in `document`, outer before inner; without recursion, as the depth is the sender's choice."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _types(node: Mapping[str, Any]) -> set[str]:
    """Names of the node's types, without the vocabulary's address or prefix."""
    declared = node.get("@type")
    names = declared if isinstance(declared, list) else [declared]
    return {re.split(r"[/:#]", name)[-1] for name in names if isinstance(name, str)}


def _first(*values: Any) -> str | None:
    """The first text in `values`: itself, the first of a list, an object's value or name, or its address."""
    for value in values:
        candidate = value[0] if isinstance(value, list) and value else value
        if isinstance(candidate, dict):
            named = (candidate.get(key) for key in ("@value", "name", "url", "@id"))
            candidate = next((text for text in named if isinstance(text, str)), None)
        if isinstance(candidate, str) and candidate.strip():
            return _plain(candidate)
    return None


def _words(value: Any) -> list[str]:
    """Keywords, whether they come as one text with commas, as texts, or as defined terms."""
    texts = [_first(item) or "" for item in (value if isinstance(value, list) else [value])]
    words = [word.strip() for text in texts for word in text.split(",")]
    return list(dict.fromkeys(word for word in words if word))


def _lines(value: Any, parts: Mapping[str, Any], followed: set[str], depth: int = 0) -> Iterator[Any]:
    """Ingredients or steps as texts, in order: from text, lists, HowToStep and HowToSection, one inside the other.

    What is neither, or lies too deep, is yielded as it is, for the check to refuse it. A reference is `followed` once,
    so that sections which name each other cost no more than the document is long.
    """
    if isinstance(value, str):
        yield from (line.strip() for line in _plain(value).splitlines() if line.strip())
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            yield from _lines(item, parts, followed, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        yield from _lines(_content(value, parts, followed), parts, followed, depth + 1)
    elif value is not None:
        yield value


def _content(value: Mapping[str, Any], parts: Mapping[str, Any], followed: set[str]) -> Any:
    """What a step, a section or a reference to one holds."""
    name = str(value.get("@id"))
    if set(value) == {"@id"} and name in parts:
        if name in followed:
            return None
        followed.add(name)
        return parts[name]
    keys = ("itemListElement", "step", "text", "item", "name", "@value")
    return next((value[key] for key in keys if value.get(key)), None)


def _plain(text: str) -> str:
    """Text without HTML: entities become characters, paragraphs and list items become lines."""
    for _ in range(2):  # publishing software often escapes what was escaped already
        text = html.unescape(text)
    return _TAG.sub("", _BREAKING_TAG.sub("\n", text)).strip()


def _minutes(node: Mapping[str, Any]) -> int | str | None:
    """The total time, else preparation and cooking added; text that is no time is returned, to be refused as such.

    Zero counts as not given: pages write PT0M where nobody filled the field.
    """
    total = _first(node.get("totalTime"))
    if total and minutes_of(total) != 0:
        return _read_or_text(total)
    parts = [_read_or_text(text) for key in ("prepTime", "cookTime") if (text := _first(node.get(key)))]
    unread = [part for part in parts if isinstance(part, str)]
    if unread:
        return unread[0]
    return sum(part for part in parts if isinstance(part, int)) or None


def _read_or_text(text: str) -> int | str:
    minutes = minutes_of(text)
    return text if minutes is None else minutes


def _servings(value: Any) -> int | None:
    """For how many; None where the yield is given as something else, such as "2 loaves"."""
    for item in value if isinstance(value, list) else [value]:
        number = servings_of(str(item)) if isinstance(item, int | str) else None
        if number:
            return number
    return None


def _diets(value: Any) -> tuple[list[str], list[str]]:
    """Diets that we filter by, with what they imply; and the others as words for tags (`LowFatDiet`: "low fat")."""
    found, others = set(), []
    for item in value if isinstance(value, list) else [value]:
        name = re.split(r"[/:#]", _first(item) or "")[-1]
        if name in _DIETS:
            found.add(_DIETS[name])
        elif name:
            others.append(_CAMEL.sub(" ", name.removesuffix("Diet")).lower())
    closed = with_implied(found)
    return [diet for diet in DIETS if diet in closed], others
