"""A corpus in Spanish, line by line: drafts by table and glossary, their slots filled by the translator in bulk.

Done once, when an artefact is built, so that no request ever waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mlops.recipe import Recipe, Translation
from mlops.translation.culinary import Draft, Finished, Slot, finish, like, slot_texts
from mlops.translation.glossary import Glossary
from mlops.translation.ingredients import draft_ingredient, joined
from mlops.translation.phrasebook import Phrasebook
from mlops.translation.steps import draft_step
from mlops.translation.stretches import stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlops.translation.translator import Line, Translator

# Enough lines in flight to keep every stage of the pipeline busy; few enough to hold in memory and to show progress.
RECIPES_AT_ONCE = 100
BULK_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafted:
    """A recipe's drafts: title, then ingredients, then steps."""

    title: Draft
    ingredients: tuple[Draft, ...]
    steps: tuple[Draft, ...]

    @property
    def all(self) -> tuple[Draft, ...]:
        return (self.title, *self.ingredients, *self.steps)


def translate_recipes(
    recipes: Iterable[Recipe],
    translator: Translator,
    glossary: Glossary,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Translation | None]:
    """Yield each recipe in Spanish, in order; None where more than half of its lines would stay English.

    `progress` is told how many are done.
    A translator that is not healthy is not asked at all, so that a recipe is either Spanish or plainly not.
    """
    working = translator.healthy().ok
    book = Phrasebook(Glossary.writing().merged(glossary))
    waiting = iter(recipes)
    done = 0
    while batch := list(islice(waiting, RECIPES_AT_ONCE)):
        yield from _translate(batch, translator, book) if working else (None for _ in batch)
        done += len(batch)
        if progress is not None:
            progress(done)


def draft_title(recipe: Recipe, book: Phrasebook) -> Draft:
    """The Spanish title that the recipe brings, else one made from the English."""
    if recipe.title_es:
        return Draft(pieces=(recipe.title_es,))
    known = joined(recipe.title.lower(), book)
    if known is not None:
        return Draft(pieces=(like(known, recipe.title),))
    said = stretch(recipe.title, book)
    if said.settled is not None:
        return Draft(pieces=(said.settled,))
    return Draft(pieces=(Slot(source=recipe.title, text=said.text, held=said.held),))


def _translate(recipes: Sequence[Recipe], translator: Translator, book: Phrasebook) -> Iterator[Translation | None]:
    drafted = [_draft(recipe, book) for recipe in recipes]
    texts = list(dict.fromkeys(text for one in drafted for text in slot_texts(one.all)))
    answers = dict(zip(texts, translator.translate(texts, "en", "es", deadline=BULK_SECONDS), strict=True))
    for one in drafted:
        yield _finish(one, answers, book.glossary)


def _draft(recipe: Recipe, book: Phrasebook) -> _Drafted:
    return _Drafted(
        title=draft_title(recipe, book),
        ingredients=tuple(draft_ingredient(line, book) for line in recipe.ingredients),
        steps=tuple(draft_step(step, book) for step in recipe.steps),
    )


def _finish(drafted: _Drafted, answers: dict[str, Line], glossary: Glossary) -> Translation | None:
    def finished(draft: Draft) -> Finished:
        return finish(draft, [answers[text] for text in slot_texts([draft])], glossary)

    title = finished(drafted.title)
    ingredients = [finished(draft) for draft in drafted.ingredients]
    steps = [finished(draft) for draft in drafted.steps]
    lines = [line.complete for line in (title, *ingredients, *steps)]
    # The tables alone would give a patchwork: below half, the English recipe reads better.
    if 2 * sum(lines) < len(lines):
        return None
    return Translation(
        title=title.text,
        ingredients=tuple(line.text for line in ingredients),
        steps=tuple(line.text for line in steps),
        complete=all(lines),
    )
